package static

import "math"

// Range is a run of bytes of a representation; Length is at least 1.
type Range struct {
	Offset, Length int64
}

// RangeResult says what to do with a Range field.
type RangeResult uint8

const (
	// RangeIgnored: answer as if the field were not there: another unit, bad
	// syntax, or more than maxRangeSpecs ranges.
	RangeIgnored RangeResult = iota
	// RangeSatisfiable: 206 with the ranges.
	RangeSatisfiable
	// RangeUnsatisfiable: 416 with "bytes */size".
	RangeUnsatisfiable
)

func (r RangeResult) String() string {
	switch r {
	case RangeSatisfiable:
		return "satisfiable"
	case RangeUnsatisfiable:
		return "unsatisfiable"
	case RangeIgnored:
	}
	return "ignored"
}

// ParseRanges appends the ranges that a Range field (RFC 9110 §14.2) asks for
// of size bytes, in the order asked for. Those that overlap or nearly touch
// are joined at the place of the first of them, so their sum is at most size.
func ParseRanges(dst []Range, value []byte, size int64) ([]Range, RangeResult) {
	const unit = "bytes="
	if len(value) < len(unit) || !foldEqual(value[:len(unit)], unit) {
		return dst, RangeIgnored
	}
	base, specs := len(dst), 0
	for list := value[len(unit):]; len(list) > 0; {
		var spec []byte
		spec, list = cut(list, ',')
		if spec = trimSpace(spec); len(spec) == 0 {
			continue // empty elements are allowed, RFC 9110 §5.6.1
		}
		if specs++; specs > maxRangeSpecs {
			return dst[:base], RangeIgnored
		}
		r, ok := parseSpec(spec, size)
		if !ok {
			return dst[:base], RangeIgnored
		}
		if r.Length > 0 {
			dst = joinRange(dst, base, r)
		}
	}
	switch {
	case specs == 0:
		return dst[:base], RangeIgnored
	case len(dst) > base:
		return dst, RangeSatisfiable
	case size == 0 && suffixOnly(value[len(unit):]):
		// "The last n bytes" of nothing are satisfiable, but no Content-Range
		// can say so.
		return dst[:base], RangeIgnored
	}
	return dst[:base], RangeUnsatisfiable
}

// parseSpec reads "a-b", "a-" or "-n". Length 0 means valid, but not
// satisfiable.
func parseSpec(spec []byte, size int64) (Range, bool) {
	first, rest, ok := decimal(spec)
	if len(rest) == 0 || rest[0] != '-' {
		return Range{}, false
	}
	last, tail, hasLast := decimal(rest[1:])
	if len(tail) > 0 || !ok && !hasLast {
		return Range{}, false
	}
	if !ok { // suffix
		n := min(last, size)
		return Range{Offset: size - n, Length: n}, true
	}
	if hasLast && last < first {
		return Range{}, false
	}
	if first >= size {
		return Range{}, true
	}
	if !hasLast || last >= size {
		last = size - 1
	}
	return Range{Offset: first, Length: last - first + 1}, true
}

// decimal reads digits; numbers too large are taken as the largest.
func decimal(b []byte) (n int64, rest []byte, ok bool) {
	i := 0
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		if d := int64(b[i] - '0'); n > (math.MaxInt64-d)/10 {
			n = math.MaxInt64
		} else {
			n = n*10 + d
		}
		i++
	}
	return n, b[i:], i > 0
}

// suffixOnly: whether a valid list has a suffix range that asks for
// something, "-0" does not.
func suffixOnly(list []byte) bool {
	for len(list) > 0 {
		var spec []byte
		spec, list = cut(list, ',')
		if spec = trimSpace(spec); len(spec) > 1 && spec[0] == '-' {
			if n, _, _ := decimal(spec[1:]); n > 0 {
				return true
			}
		}
	}
	return false
}

// joinRange adds r to dst[base:], swallowing whatever it touches.
func joinRange(dst []Range, base int, r Range) []Range {
	at := -1
	for i := base; i < len(dst); {
		if i == at || !touches(dst[i], r) {
			i++
			continue
		}
		r = union(dst[i], r)
		if at < 0 {
			at = i
		} else {
			low, high := min(at, i), max(at, i)
			dst = append(dst[:high], dst[high+1:]...)
			at = low
		}
		dst[at] = r
		i = base // the grown range may reach others now
	}
	if at < 0 {
		dst = append(dst, r)
	}
	return dst
}

func touches(a, b Range) bool {
	return a.Offset-rangeGapBytes <= b.Offset+b.Length && b.Offset-rangeGapBytes <= a.Offset+a.Length
}

func union(a, b Range) Range {
	start := min(a.Offset, b.Offset)
	return Range{Offset: start, Length: max(a.Offset+a.Length, b.Offset+b.Length) - start}
}
