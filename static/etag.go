package static

import (
	"strconv"
	"time"
)

// stamp says what a file's modification time is worth as a validator.
type stamp uint8

const (
	// stampSettled: the clock has left the second of the modification. A later
	// change gets another time, so entity tag and Last-Modified are strong.
	stampSettled stamp = iota
	// stampYoung: the file may change again within the same second. It gets a
	// weak tag that holds the fraction too, and so never equals the later one,
	// and no Last-Modified.
	stampYoung
	// stampFuture: the time has not come yet. Last-Modified must not be later
	// than Date (RFC 9110 §8.8.2.1), so there is none.
	stampFuture
)

func stampOf(mtime, now time.Time) stamp {
	settled := time.Unix(mtime.Unix()+1, 0).Add(clockSlack)
	switch {
	case mtime.After(now.Add(clockSlack)):
		return stampFuture
	case now.Before(settled):
		return stampYoung
	}
	return stampSettled
}

// makeETag returns the entity tag of a file: modification time in seconds
// and size in hex, as nginx does it, so that it is the same on all machines
// that serve a copy. No inode, and no fraction of the second unless the file
// is young, since both get lost in copies. coding tells apart the variants.
func makeETag(mtime time.Time, size int64, s stamp, coding Coding) []byte {
	dst := make([]byte, 0, 48)
	if s == stampYoung {
		dst = append(dst, "W/"...)
	}
	dst = append(dst, '"')
	dst = strconv.AppendInt(dst, mtime.Unix(), 16)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, size, 16)
	if s == stampYoung {
		dst = append(dst, '-')
		dst = strconv.AppendInt(dst, int64(mtime.Nanosecond()), 16)
	}
	if coding != Identity {
		dst = append(dst, '-')
		dst = append(dst, coding.suffix()...)
	}
	return append(dst, '"')
}

// tagWeakEqual and tagStrongEqual are the comparisons of RFC 9110 §8.8.3.2.
func tagWeakEqual(a, b []byte) bool { return string(opaque(a)) == string(opaque(b)) }

func tagStrongEqual(a, b []byte) bool { return !isWeak(a) && !isWeak(b) && string(a) == string(b) }

func isWeak(tag []byte) bool { return len(tag) >= 2 && tag[0] == 'W' && tag[1] == '/' }

func opaque(tag []byte) []byte {
	if isWeak(tag) {
		return tag[2:]
	}
	return tag
}

// nextTag takes the next entity tag from a list; nil when there is none left
// or the list is malformed.
func nextTag(list []byte) (tag, rest []byte) {
	for len(list) > 0 && (list[0] == ' ' || list[0] == '\t' || list[0] == ',') {
		list = list[1:]
	}
	quote := 0
	if isWeak(list) {
		quote = 2
	}
	if len(list) <= quote || list[quote] != '"' {
		return nil, nil
	}
	for end := quote + 1; end < len(list); end++ {
		if list[end] != '"' {
			continue
		}
		tag, rest = list[:end+1], trimSpace(list[end+1:])
		if len(rest) > 0 && rest[0] != ',' {
			return nil, nil
		}
		return tag, rest
	}
	return nil, nil
}
