package rewrite

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// HeaderEdit is a Header or RequestHeader line.
type HeaderEdit struct {
	file   string
	line   int
	text   string
	always bool
	action headerAction
	name   string
	value  []headerPart
	expr   *Expr // value is expr=…
	regex  *Pattern
	match  string // of note: the note's name; of echo: nothing
	env    string // condition
	notEnv bool
	cond   *Expr
}

type headerAction uint8

const (
	headerSet headerAction = iota
	headerSetIfEmpty
	headerAppend
	headerMerge
	headerAdd
	headerUnset
	headerEcho
	headerEdit
	headerEditAll
	headerNote
)

var headerActions = map[string]headerAction{
	"set": headerSet, "setifempty": headerSetIfEmpty, "append": headerAppend, "merge": headerMerge,
	"add": headerAdd, "unset": headerUnset, "echo": headerEcho, "edit": headerEdit,
	"edit*": headerEditAll, "edit_r": headerEditAll, "note": headerNote,
}

// headerPart is a piece of a value: text, or one of mod_headers' formats.
type headerPart struct {
	text   string
	format byte // 0: text; e, s, t, D, l, i, b
}

func init() {
	register(map[string]directive{
		"header": {OverrideFileInfo, takeMany, func(c *compiler, s *scope, n *node, args []string) error {
			h, err := c.headerLine(n, args, false)
			if err == nil && h != nil {
				s.cfg.headers = append(s.cfg.headers, h)
			}
			return err
		}},
		"requestheader": {OverrideFileInfo, takeMany, func(c *compiler, s *scope, n *node, args []string) error {
			h, err := c.headerLine(n, args, true)
			if err == nil && h != nil {
				s.cfg.request = append(s.cfg.request, h)
			}
			return err
		}},
	})
}

// headerLine compiles a line. It returns nil for "early", which Apache applies
// before any .htaccess is known.
func (c *compiler) headerLine(n *node, args []string, request bool) (*HeaderEdit, error) {
	h := &HeaderEdit{file: c.file.Name, line: n.line, text: n.name + " " + n.args}
	switch {
	case request:
	case equalFold(args[0], "always"):
		h.always = true
		args = args[1:]
	case equalFold(args[0], "onsuccess"):
		args = args[1:]
	}
	if len(args) < 2 {
		return nil, errors.New("takes an action and a header")
	}
	action, ok := headerActions[toLower(args[0])]
	if !ok || (request && (action == headerEcho || action == headerNote)) {
		return nil, errors.New("first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', 'edit', or 'edit*'")
	}
	h.action = action
	h.name = strings.TrimSuffix(args[1], ":")
	rest, err := h.arguments(c, args[2:])
	if err != nil {
		return nil, err
	}
	if len(rest) > 1 {
		return nil, errors.New("has too many arguments")
	}
	if len(rest) == 1 {
		if equalFold(rest[0], "early") {
			c.note(n, Warning, "'early' has no effect in a .htaccess file")
			return nil, nil
		}
		return h, h.condition(c, rest[0])
	}
	return h, nil
}

// arguments takes the value (and for edit the pattern) off the arguments.
func (h *HeaderEdit) arguments(c *compiler, args []string) ([]string, error) {
	switch h.action {
	case headerUnset:
		return args, nil
	case headerEcho:
		p, err := CompilePattern(h.name, true)
		h.regex = p
		return args, err
	case headerEdit, headerEditAll:
		if len(args) < 2 {
			return nil, errors.New("edit requires a pattern and a replacement")
		}
		p, err := CompilePattern(args[0], false)
		if err != nil {
			return nil, err
		}
		h.regex = p
		return args[2:], h.setValue(c, args[1])
	case headerNote:
		if len(args) == 0 {
			return nil, errors.New("note requires a name")
		}
		h.match = args[0]
		return args[1:], nil
	case headerSet, headerSetIfEmpty, headerAppend, headerMerge, headerAdd:
	}
	if len(args) == 0 {
		return nil, errors.New("requires a value")
	}
	return args[1:], h.setValue(c, args[0])
}

func (h *HeaderEdit) setValue(c *compiler, s string) error {
	if strings.HasPrefix(s, "expr=") {
		e, err := c.stringExpr(s[5:])
		h.expr = e
		return err
	}
	for s != "" {
		i := strings.IndexByte(s, '%')
		if i != 0 {
			if i < 0 {
				i = len(s)
			}
			h.value = append(h.value, headerPart{text: s[:i]})
			s = s[i:]
			continue
		}
		p, size, err := headerFormat(s)
		if err != nil {
			return err
		}
		h.value = append(h.value, p)
		s = s[size:]
	}
	return nil
}

func headerFormat(s string) (headerPart, int, error) {
	if len(s) == 1 || s[1] == '%' {
		return headerPart{text: "%"}, min(2, len(s)), nil
	}
	arg, i := "", 1
	if s[1] == '{' {
		end := strings.IndexByte(s, '}')
		if end < 0 || end+1 >= len(s) {
			return headerPart{}, 0, errors.New("missing closing brace in format")
		}
		arg, i = s[2:end], end+1
	}
	if strings.IndexByte("estDlib", s[i]) < 0 {
		return headerPart{}, 0, fmt.Errorf("unrecognized header format %%%c", s[i])
	}
	return headerPart{text: arg, format: s[i]}, i + 1, nil
}

func (h *HeaderEdit) condition(c *compiler, s string) error {
	lower := toLower(s)
	switch {
	case strings.HasPrefix(lower, "env=!"):
		h.env, h.notEnv = s[5:], true
	case strings.HasPrefix(lower, "env="):
		h.env = s[4:]
	case strings.HasPrefix(lower, "expr="):
		e, err := c.expr(s[5:])
		h.cond = e
		return err
	default:
		return errors.New("error: envclause should be in the form env=envar or expr=expression")
	}
	if h.env == "" {
		return errors.New("error: missing environment variable name")
	}
	return nil
}

// applies evaluates the line's condition.
func (h *HeaderEdit) applies(x *exprScope) bool {
	if h.cond != nil {
		// A condition makes the response vary, a value doesn't.
		var vary []string
		x.vary = &vary
		ok, err := h.cond.test(x)
		x.vary = nil
		if err != nil {
			x.r.q.log("Failed to evaluate expression of " + h.text + ": " + err.Error())
		}
		for _, v := range vary {
			if x.resp != nil {
				mergeVary(x.resp, v)
			} else {
				x.r.vary = append(x.r.vary, v)
			}
		}
		return ok
	}
	if h.env != "" {
		_, ok := x.env(h.env)
		return ok != h.notEnv
	}
	return true
}

// text makes the value.
func (h *HeaderEdit) makeValue(x *exprScope) string {
	if h.expr != nil {
		s, err := h.expr.expand(x)
		if err != nil {
			x.r.q.log("Can't evaluate value expression: " + err.Error())
		}
		return oneLine(s)
	}
	if len(h.value) == 1 && h.value[0].format == 0 {
		return h.value[0].text
	}
	var b strings.Builder
	for _, p := range h.value {
		b.WriteString(p.make(x))
	}
	return b.String()
}

func (p *headerPart) make(x *exprScope) string {
	switch p.format {
	case 0:
		return p.text
	case 'e':
		if v, ok := x.env(p.text); ok {
			return oneLine(v)
		}
		return "(null)"
	case 's':
		if v := x.r.sslVariable(p.text); v != "" {
			return oneLine(v)
		}
		return "(null)"
	case 't':
		return "t=" + strconv.FormatInt(x.r.q.Env.Now().UnixMicro(), 10)
	case 'D':
		return "D=0"
	default:
		return p.text
	}
}

// oneLine keeps a value that came from outside on its line.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
}

// apply edits a list of fields.
func (h *HeaderEdit) apply(fields []Field, x *exprScope) []Field {
	switch h.action {
	case headerUnset:
		return removeField(fields, h.name)
	case headerSet:
		return setField(fields, h.name, h.makeValue(x))
	case headerSetIfEmpty:
		if v, ok := getField(fields, h.name); !ok || v == "" {
			return setField(fields, h.name, h.makeValue(x))
		}
	case headerAdd:
		return append(fields, Field{h.name, h.makeValue(x)})
	case headerAppend:
		return appendField(fields, h.name, h.makeValue(x))
	case headerMerge:
		v := h.makeValue(x)
		if old, ok := getField(fields, h.name); ok && hasListItem(old, v) {
			return fields
		}
		return appendField(fields, h.name, v)
	case headerEcho:
		for _, f := range x.r.q.Fields {
			if h.regex.MatchString(f.Name) {
				fields = append(fields, f)
			}
		}
	case headerEdit, headerEditAll:
		for i := range fields {
			if equalFold(fields[i].Name, h.name) {
				fields[i].Value = h.edit(fields[i].Value, x)
			}
		}
	case headerNote:
	}
	return fields
}

// edit replaces the first match of the pattern, or with edit* all.
func (h *HeaderEdit) edit(s string, x *exprScope) string {
	var b strings.Builder
	for s != "" || b.Len() == 0 {
		var m Match
		if !h.regex.Find(s, &m) {
			break
		}
		from, to := int(m.loc[0]), int(m.loc[1])
		b.WriteString(s[:from])
		b.WriteString(substituteGroups(h.makeValue(x), &m))
		if h.action == headerEditAll && to == from {
			if to >= len(s) {
				s = ""
				break
			}
			b.WriteByte(s[to])
			to++
		}
		s = s[to:]
		if h.action == headerEdit {
			break
		}
	}
	return b.String() + s
}

func getField(fields []Field, name string) (string, bool) {
	for i := range fields {
		if equalFold(fields[i].Name, name) {
			return fields[i].Value, true
		}
	}
	return "", false
}

func setField(fields []Field, name, value string) []Field {
	n, done := 0, false
	for _, f := range fields {
		if equalFold(f.Name, name) {
			if done {
				continue
			}
			done = true
			f = Field{name, value}
		}
		fields[n] = f
		n++
	}
	if !done {
		return append(fields, Field{name, value})
	}
	return fields[:n]
}

func removeField(fields []Field, name string) []Field {
	n := 0
	for _, f := range fields {
		if !equalFold(f.Name, name) {
			fields[n] = f
			n++
		}
	}
	return fields[:n]
}

func appendField(fields []Field, name, value string) []Field {
	for i := range fields {
		if equalFold(fields[i].Name, name) {
			fields[i].Value += ", " + value
			return fields
		}
	}
	return append(fields, Field{name, value})
}

// hasListItem tells whether a comma-separated list has an item.
func hasListItem(list, item string) bool {
	for _, v := range strings.Split(list, ",") {
		if strings.TrimSpace(v) == item {
			return true
		}
	}
	return false
}
