package conf

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func duration(n int64) time.Duration { return time.Duration(n) }

// decoder stores the values of one source into targets.
type decoder struct {
	file string // the source's name in faults
	base string // the folder relative paths start from
	data []byte // the file's text, nil for flags
	*faults
}

// fault reports at an octet offset.
func (d *decoder) fault(at int, key, msg string) {
	f := &Fault{File: d.file, Key: key, Msg: msg}
	if d.data != nil {
		f.Line, f.Column = place(d.data, at)
	}
	d.add(f)
}

// table stores the members of a table. prefix is "" or the table's path with a
// dot; skip names members that somebody else decodes.
func (d *decoder) table(l *level, n *node, prefix string, t target, skip string) {
	for _, m := range n.members {
		path := prefix + m.name
		if path == skip {
			continue
		}
		if k := l.keys[path]; k != nil {
			d.apply(k, m.value, t)
			continue
		}
		tab := l.tables[path]
		switch {
		case tab == nil:
			d.unknown(l, m, prefix)
		case m.value.shape == shapeTable:
			d.table(l, m.value, path+".", t, skip)
		case tab.short != "":
			d.apply(l.keys[tab.short], m.value, t)
		default:
			d.fault(m.value.at, path, fmt.Sprintf("%q takes a table, not %s", path, m.value.shape))
		}
	}
}

func (d *decoder) unknown(l *level, m *member, prefix string) {
	path := prefix + m.name
	msg := fmt.Sprintf("unknown key %q", m.name)
	if prefix != "" {
		msg += fmt.Sprintf(" in %q", strings.TrimSuffix(prefix, "."))
	}
	if near := suggest(m.name, l.names(prefix)); near != "" {
		d.fault(m.at, path, fmt.Sprintf("%s; did you mean %q?", msg, near))
		return
	}
	if home, ok := siteLevel.home(m.name); ok && l.keys[join(home, m.name)] == nil {
		d.fault(m.at, path, fmt.Sprintf("%s; %q belongs into a [[site]]", msg, join(home, m.name)))
		return
	}
	if home, ok := topLevel.home(m.name); ok {
		where := fmt.Sprintf("belongs to [%s]", home)
		if home == "" {
			where = "belongs to the top of the file, before any [table]"
		}
		d.fault(m.at, path, fmt.Sprintf("%s; it %s", msg, where))
		return
	}
	if near := suggest(m.name, l.lastNames()); near != "" {
		home, _ := l.home(near)
		d.fault(m.at, path, fmt.Sprintf("%s; did you mean %q in [%s]?", msg, near, home))
		return
	}
	d.fault(m.at, path, msg+"; known are "+strings.Join(l.names(prefix), ", "))
}

func join(table, name string) string {
	if table == "" {
		return name
	}
	return table + "." + name
}

// wrong reports a value of a wrong type.
func (d *decoder) wrong(k *key, n *node) {
	got := n.shape.String()
	if n.text != "" || n.shape == shapeText {
		got += fmt.Sprintf(" (%s)", quoted(n))
	}
	d.fault(n.at, k.path, fmt.Sprintf("%q takes %s, not %s", k.path, k.takes(), got))
}

func quoted(n *node) string {
	if n.shape == shapeText {
		return fmt.Sprintf("%q", n.text)
	}
	return n.text
}

// apply stores a value under a key, or reports why not.
func (d *decoder) apply(k *key, n *node, t target) {
	switch k.kind {
	case kindText, kindChoice:
		d.text(k, n, t)
	case kindInteger, kindSize, kindDuration:
		d.number(k, n, t)
	case kindFlag:
		if n.shape != shapeBool {
			d.wrong(k, n)
			return
		}
		k.setFlag(t, n.text == "true")
	case kindList:
		items := n.items
		if n.shape == shapeText {
			items = []*node{n}
		} else if n.shape != shapeArray {
			d.wrong(k, n)
			return
		}
		k.reset(t)
		for _, item := range items {
			d.text(k, item, t)
		}
	case kindMap:
		if n.shape != shapeTable {
			d.wrong(k, n)
			return
		}
		d.pairs(k, n, "", t)
	}
}

func (d *decoder) text(k *key, n *node, t target) {
	if n.shape != shapeText && (!k.flagged || n.shape != shapeBool) {
		d.wrong(k, n)
		return
	}
	s := n.text
	if k.kind == kindChoice && !slices.Contains(k.choices, s) {
		msg := fmt.Sprintf("%q takes one of %s, not %q", k.path, strings.Join(k.choices, ", "), s)
		if near := suggest(s, k.choices); near != "" {
			msg += fmt.Sprintf("; did you mean %q?", near)
		}
		d.fault(n.at, k.path, msg)
		return
	}
	if k.resolve != nil {
		if !printable(s) {
			d.fault(n.at, k.path, fmt.Sprintf("%q: %q has a control character", k.path, s))
			return
		}
		s = k.resolve(d.base, s)
	}
	if err := k.setText(t, s); err != nil {
		d.fault(n.at, k.path, fmt.Sprintf("%q: %v", k.path, err))
	}
}

func (d *decoder) number(k *key, n *node, t target) {
	if k.word != "" && n.shape == shapeText && n.text == k.word {
		k.setNumber(t, k.wordIs)
		return
	}
	var v int64
	var err error
	switch {
	case n.shape == shapeInteger && k.kind != kindDuration:
		v, err = parseInteger(n.text)
	case n.shape == shapeText && k.kind == kindSize:
		v, err = parseSize(n.text)
	case n.shape == shapeText && k.kind == kindDuration:
		var period time.Duration
		period, err = parseDuration(n.text)
		v = int64(period)
	case n.shape == shapeInteger:
		err = fmt.Errorf("%s has no unit; did you mean \"%ss\"?", n.text, n.text)
	default:
		d.wrong(k, n)
		return
	}
	if err == nil && (v < k.min || v > k.max) {
		err = fmt.Errorf("%s is out of bounds: %s", n.text, k.bounds())
	}
	if err != nil {
		d.fault(n.at, k.path, fmt.Sprintf("%q: %v", k.path, err))
		return
	}
	k.setNumber(t, v)
}

// bounds says from where to where a number may go.
func (k *key) bounds() string {
	if k.max == noLimit {
		return "at least " + k.format(k.min)
	}
	return k.format(k.min) + " to " + k.format(k.max)
}

// pairs stores the members of a free table. opcache.enable = 1 is the table
// opcache to TOML and a dotted name to php.ini, so nested tables are flattened.
func (d *decoder) pairs(k *key, n *node, prefix string, t target) {
	for _, m := range n.members {
		name := prefix + m.name
		v := m.value
		switch {
		case v.shape == shapeTable:
			d.pairs(k, v, name+".", t)
		case v.shape == shapeArray && k.multi:
			for _, item := range v.items {
				d.pair(k, name, m.at, item, t)
			}
		default:
			d.pair(k, name, m.at, v, t)
		}
	}
}

func (d *decoder) pair(k *key, name string, nameAt int, v *node, t target) {
	path := k.path + "." + name
	value := v.text
	switch {
	case v.shape == shapeText:
	case k.loose && v.shape == shapeInteger:
		n, err := parseInteger(v.text)
		if err != nil {
			d.fault(v.at, path, fmt.Sprintf("%q: %v", path, err))
			return
		}
		value = fmt.Sprint(n)
	case k.loose && v.shape == shapeBool:
		value = map[string]string{"true": "1", "false": "0"}[v.text]
	default:
		want := "a string"
		if k.loose {
			want = "a string, an integer or a boolean"
		}
		d.fault(v.at, path, fmt.Sprintf("%q takes %s, not %s", path, want, v.shape))
		return
	}
	if k.resolve != nil {
		value = k.resolve(d.base, value)
	}
	if err := k.setPair(t, name, value); err != nil {
		d.fault(nameAt, path, fmt.Sprintf("%q: %v", k.path, err))
	}
}
