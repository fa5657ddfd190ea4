package static

import (
	"fmt"
	"runtime"
)

// PathFault says what is wrong with a request path.
type PathFault uint8

// The faults of a path.
const (
	FaultNotAbsolute  PathFault = iota + 1 // does not begin with "/"
	FaultEscape                            // "%" without two hex digits
	FaultControl                           // control byte or DEL
	FaultAboveRoot                         // ".." steps above the root
	FaultNUL                               // NUL byte
	FaultEncodedSlash                      // %2F, as with Apache's AllowEncodedSlashes Off
	FaultBackslash                         // backslash
	FaultName                              // a segment Windows would read as another name
)

func (f PathFault) String() string {
	switch f {
	case FaultNotAbsolute:
		return "not absolute"
	case FaultEscape:
		return "invalid %-escape"
	case FaultControl:
		return "control byte"
	case FaultAboveRoot:
		return "steps above the root"
	case FaultNUL:
		return "NUL byte"
	case FaultEncodedSlash:
		return "encoded slash"
	case FaultBackslash:
		return "backslash"
	case FaultName:
		return "reserved name"
	}
	return "unknown fault"
}

// PathError reports a path that DecodePath refused.
type PathError struct {
	Fault  PathFault
	Offset int    // in the raw path
	Path   string // the raw path
}

func (e *PathError) Error() string {
	return fmt.Sprintf("static: path %q: %s at byte %d", e.Path, e.Fault, e.Offset)
}

// Status is the HTTP status to answer with: 404 for names that cannot exist,
// 400 for paths that say nothing.
func (e *PathError) Status() int {
	switch e.Fault {
	case FaultNUL, FaultEncodedSlash, FaultBackslash, FaultName:
		return 404
	case FaultNotAbsolute, FaultEscape, FaultControl, FaultAboveRoot:
		return 400
	}
	return 400
}

// DecodePath appends the decoded, normalised form of a request path to dst:
// %-escapes decoded once, dot segments removed (RFC 3986 §5.2.4), runs of
// slashes merged. The result begins with "/", keeps a trailing slash, and may
// hold any bytes from 0x20 on, UTF-8 or not. An error is a *PathError.
func DecodePath(dst, raw []byte) ([]byte, error) {
	return decodePath(dst, raw, runtime.GOOS == "windows")
}

func decodePath(dst, raw []byte, windows bool) ([]byte, error) {
	if len(raw) == 0 || raw[0] != '/' {
		return dst, pathError(FaultNotAbsolute, 0, raw)
	}
	base := len(dst)
	dst = append(dst, '/')
	seg := len(dst) // where the current segment begins; a "/" is before it
	var fault PathFault
	for i := 1; i < len(raw); i++ {
		c, at := raw[i], i
		if c == '/' {
			if dst, fault = endSegment(dst, base, seg, windows); fault != 0 {
				return dst[:base], pathError(fault, at, raw)
			}
			if dst[len(dst)-1] != '/' {
				dst = append(dst, '/')
			}
			seg = len(dst)
			continue
		}
		if c == '%' {
			var ok bool
			if c, ok = unhex(raw[i+1:]); !ok {
				return dst[:base], pathError(FaultEscape, at, raw)
			}
			i += 2
		}
		if fault = byteFault(c); fault != 0 {
			return dst[:base], pathError(fault, at, raw)
		}
		dst = append(dst, c)
	}
	if dst, fault = endSegment(dst, base, seg, windows); fault != 0 {
		return dst[:base], pathError(fault, len(raw), raw)
	}
	return dst, nil
}

// endSegment checks the segment dst[seg:] and takes dot segments away, so that
// dst ends in a kept segment or in the slash before.
func endSegment(dst []byte, base, seg int, windows bool) ([]byte, PathFault) {
	s := dst[seg:]
	switch {
	case len(s) == 0:
		return dst, 0
	case len(s) == 1 && s[0] == '.':
		return dst[:seg], 0
	case len(s) == 2 && s[0] == '.' && s[1] == '.':
		if seg == base+1 {
			return dst, FaultAboveRoot
		}
		seg-- // over the slash, then back to the one before
		for dst[seg-1] != '/' {
			seg--
		}
		return dst[:seg], 0
	}
	if windows && windowsReserved(s) {
		return dst, FaultName
	}
	return dst, 0
}

func byteFault(c byte) PathFault {
	switch {
	case c > '\\' && c != 0x7f:
		return 0
	case c == 0:
		return FaultNUL
	case c < 0x20 || c == 0x7f:
		return FaultControl
	case c == '/': // only an escape gets here
		return FaultEncodedSlash
	case c == '\\':
		return FaultBackslash
	}
	return 0
}

func unhex(b []byte) (byte, bool) {
	if len(b) < 2 {
		return 0, false
	}
	h, ok1 := hexDigit(b[0])
	l, ok2 := hexDigit(b[1])
	return h<<4 | l, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func pathError(f PathFault, at int, raw []byte) error {
	return &PathError{Fault: f, Offset: at, Path: string(raw)}
}
