package rewrite

// Var is a name and a value.
type Var struct {
	Name  string
	Value string
}

// Table is an ordered list of variables whose names are compared without case,
// as Apache's tables are. The zero value is empty and ready.
type Table struct {
	vars []Var
}

// Get returns a variable's value.
func (t *Table) Get(name string) (string, bool) {
	for i := range t.vars {
		if equalFold(t.vars[i].Name, name) {
			return t.vars[i].Value, true
		}
	}
	return "", false
}

// Set replaces a variable, or appends it.
func (t *Table) Set(name, value string) {
	for i := range t.vars {
		if equalFold(t.vars[i].Name, name) {
			t.vars[i] = Var{t.vars[i].Name, value}
			return
		}
	}
	t.vars = append(t.vars, Var{name, value})
}

// Unset removes a variable.
func (t *Table) Unset(name string) {
	n := 0
	for _, v := range t.vars {
		if !equalFold(v.Name, name) {
			t.vars[n] = v
			n++
		}
	}
	t.vars = t.vars[:n]
}

// Vars returns the variables in order. The slice belongs to the table.
func (t *Table) Vars() []Var { return t.vars }

// Len is the number of variables.
func (t *Table) Len() int { return len(t.vars) }

// copyFrom makes t equal to o, in t's own memory.
func (t *Table) copyFrom(o *Table) { t.vars = append(t.vars[:0], o.vars...) }

// renamed is what an internal redirect makes of the variables: each gets
// "REDIRECT_" in front.
func (t *Table) renamed(o *Table) {
	t.vars = t.vars[:0]
	for _, v := range o.vars {
		t.vars = append(t.vars, Var{"REDIRECT_" + v.Name, v.Value})
	}
}

// equalFold compares ASCII without case.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i] != b[i] && lowerByte(a[i]) != lowerByte(b[i]) {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// toLower is ASCII only: Apache knows bytes, not letters.
func toLower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lowerByte(b[j])
			}
			return string(b)
		}
	}
	return s
}

func toUpper(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'a' && s[i] <= 'z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if b[j] >= 'a' && b[j] <= 'z' {
					b[j] &^= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

func isSpace(c byte) bool {
	return c == ' ' || (c >= '\t' && c <= '\r')
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlnum(c byte) bool {
	return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
}

// atoi reads a number as C's atoi does: leading space, a sign, digits, and
// whatever follows is ignored; no digits are 0. It saturates.
func atoi(s string) int64 {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	neg := false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	var n int64
	for ; i < len(s) && isDigit(s[i]); i++ {
		if n > (1<<62)/10 {
			n = 1 << 62
			break
		}
		n = n*10 + int64(s[i]-'0')
	}
	if neg {
		return -n
	}
	return n
}
