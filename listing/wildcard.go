package listing

// wildcard is a compiled shell pattern: "*", "?", sets in brackets, no escapes;
// a leading dot of a name must be written (apr_fnmatch with NOESCAPE, PERIOD).
type wildcard struct {
	steps []step
	fixed int // steps that take an octet
}

// step is a set of octets, or "*".
type step struct {
	star bool
	dot  bool // written as a plain "."
	set  [256 / 64]uint64
}

func (s *step) add(c byte)      { s.set[c>>6] |= 1 << (c & 63) }
func (s *step) has(c byte) bool { return s.set[c>>6]>>(c&63)&1 != 0 }

// compileWildcard never fails: a bracket without end means itself.
func compileWildcard(pattern string) *wildcard {
	w := &wildcard{}
	for i := 0; i < len(pattern); {
		var s step
		size := 1
		switch c := pattern[i]; c {
		case '*':
			if n := len(w.steps); n > 0 && w.steps[n-1].star {
				i++
				continue
			}
			s.star = true
		case '?':
			s.set = [4]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
		case '[':
			if size = s.brackets(pattern[i:]); size == 0 {
				s.set = [4]uint64{}
				s.add(c)
				size = 1
			}
		default:
			s.dot = c == '.'
			s.add(c)
		}
		if !s.star {
			w.fixed++
		}
		w.steps = append(w.steps, s)
		i += size
	}
	return w
}

// brackets reads "[...]" and returns its length, 0 if it has no end.
func (s *step) brackets(p string) int {
	i := 1
	negate := i < len(p) && (p[i] == '!' || p[i] == '^')
	if negate {
		i++
	}
	for first := true; i < len(p); first = false {
		if p[i] == ']' && !first {
			if negate {
				for k := range s.set {
					s.set[k] = ^s.set[k]
				}
			}
			return i + 1
		}
		if i+1 < len(p) && p[i+1] == '-' && (i+2 >= len(p) || p[i+2] != ']') {
			if i+2 >= len(p) {
				return 0
			}
			s.addRange(p[i], p[i+2])
			i += 3
			continue
		}
		s.add(p[i])
		i++
	}
	return 0
}

// addRange compares as C's signed characters do on most machines.
func (s *step) addRange(from, to byte) {
	for c := range 256 {
		if int8(c) >= int8(from) && int8(c) <= int8(to) {
			s.add(byte(c))
		}
	}
}

// match takes time proportional to the square of the name's length at most.
func (w *wildcard) match(name string) bool {
	if w.fixed > len(name) {
		return false
	}
	if name != "" && name[0] == '.' && (len(w.steps) == 0 || !w.steps[0].dot) {
		return false
	}
	at, i, star, mark := 0, 0, -1, 0
	for i < len(name) {
		switch {
		case at < len(w.steps) && w.steps[at].star:
			star, mark = at, i
			at++
		case at < len(w.steps) && w.steps[at].has(name[i]):
			at++
			i++
		case star >= 0:
			mark++
			at, i = star+1, mark
		default:
			return false
		}
	}
	for at < len(w.steps) && w.steps[at].star {
		at++
	}
	return at == len(w.steps)
}
