package static

import "sluice/message"

// Outcome is what a request's preconditions make of it.
type Outcome uint8

// The outcomes of RFC 9110 §13.2.2.
const (
	Proceed Outcome = iota
	NotModified
	PreconditionFailed
)

func (o Outcome) String() string {
	switch o {
	case NotModified:
		return "not modified"
	case PreconditionFailed:
		return "precondition failed"
	case Proceed:
	}
	return "proceed"
}

// Validators are what preconditions are compared with.
type Validators struct {
	// Tags are the entity tags of the current representations that the client
	// would accept, the selected one first; empty ones are not there.
	Tags [numCodings][]byte
	// Modified is in seconds since 1970, if HasModified.
	Modified    int64
	HasModified bool
}

// field is a header field in a request: its first line and how many there are.
type field struct {
	value []byte
	lines int
}

func (f *field) take(value []byte) {
	if f.lines == 0 {
		f.value = value
	}
	f.lines++
}

// single is the value of a field that must not be repeated.
func (f *field) single() ([]byte, bool) { return f.value, f.lines == 1 }

// conditions are the fields that Decide reads, found in one pass.
type conditions struct {
	ifMatch, ifNoneMatch, ifModified, ifUnmodified, ifRange, ranges, accept field
}

func (c *conditions) collect(req *message.Request) {
	for i := range req.Fields {
		name, value := req.Fields[i].Name, req.Fields[i].Value
		switch len(name) {
		case 5:
			if message.EqualFold(name, "range") {
				c.ranges.take(value)
			}
		case 8:
			if message.EqualFold(name, "if-match") {
				c.ifMatch.take(value)
			} else if message.EqualFold(name, "if-range") {
				c.ifRange.take(value)
			}
		case 13:
			if message.EqualFold(name, "if-none-match") {
				c.ifNoneMatch.take(value)
			}
		case 15:
			if message.EqualFold(name, "accept-encoding") {
				c.accept.take(value)
			}
		case 17:
			if message.EqualFold(name, "if-modified-since") {
				c.ifModified.take(value)
			}
		case 19:
			if message.EqualFold(name, "if-unmodified-since") {
				c.ifUnmodified.take(value)
			}
		}
	}
}

// Evaluate applies a request's preconditions in the order of RFC 9110
// §13.2.2, except If-Range. With NotModified it returns the entity tag of the
// representation that the client has. now is in seconds since 1970.
func Evaluate(req *message.Request, v *Validators, now int64) (Outcome, []byte) {
	var c conditions
	c.collect(req)
	return c.evaluate(req, v, now)
}

func (c *conditions) evaluate(req *message.Request, v *Validators, now int64) (Outcome, []byte) {
	if c.ifMatch.lines > 0 {
		if matchLines(req, "if-match", &c.ifMatch, v, true) < 0 {
			return PreconditionFailed, nil
		}
	} else if since, ok := c.ifUnmodified.single(); ok && v.HasModified {
		if date, ok := ParseDate(since, now); ok && v.Modified > date {
			return PreconditionFailed, nil
		}
	}
	read := req.Is("GET") || req.Is("HEAD")
	if c.ifNoneMatch.lines > 0 {
		at := matchLines(req, "if-none-match", &c.ifNoneMatch, v, false)
		switch {
		case at < 0:
			return Proceed, nil
		case read:
			return NotModified, v.Tags[at]
		}
		return PreconditionFailed, nil
	}
	if since, ok := c.ifModified.single(); ok && read && v.HasModified {
		if date, ok := ParseDate(since, now); ok && v.Modified <= date {
			return NotModified, v.Tags[0]
		}
	}
	return Proceed, nil
}

// matchLines compares all lines of a field with the tags; it returns the
// index of the best match, -1 if there is none.
func matchLines(req *message.Request, name string, f *field, v *Validators, strong bool) int {
	if f.lines == 1 {
		return matchTags(f.value, v, strong)
	}
	best := -1
	for i := range req.Fields {
		if !message.EqualFold(req.Fields[i].Name, name) {
			continue
		}
		if at := matchTags(req.Fields[i].Value, v, strong); at >= 0 && (best < 0 || at < best) {
			best = at
		}
	}
	return best
}

func matchTags(list []byte, v *Validators, strong bool) int {
	if len(list) == 1 && list[0] == '*' {
		return 0
	}
	best := -1
	for {
		var tag []byte
		if tag, list = nextTag(list); tag == nil {
			return best
		}
		for i, have := range v.Tags {
			if len(have) == 0 || best >= 0 && i >= best {
				continue
			}
			if strong && tagStrongEqual(tag, have) || !strong && tagWeakEqual(tag, have) {
				best = i
			}
		}
	}
}

// rangeApplies evaluates If-Range (RFC 9110 §13.1.5) against one
// representation: its strong tag, or its exact modification date.
func (c *conditions) rangeApplies(tag []byte, v *Validators, now int64) bool {
	if c.ifRange.lines == 0 {
		return true
	}
	value, ok := c.ifRange.single()
	if !ok || len(value) == 0 {
		return false
	}
	if value[0] == '"' || isWeak(value) {
		return tagStrongEqual(value, tag)
	}
	date, ok := ParseDate(value, now)
	return ok && v.HasModified && date == v.Modified
}
