package rewrite

import (
	"errors"
	"strings"
)

// Options is a set of what the Options directive allows.
type Options uint16

// The options.
const (
	OptIndexes Options = 1 << iota
	OptIncludes
	OptIncludesNoExec
	OptFollowSymLinks
	OptSymLinksIfOwnerMatch
	OptExecCGI
	OptMultiViews

	optAll = OptIndexes | OptIncludes | OptFollowSymLinks | OptExecCGI
)

var optionNames = map[string]Options{
	"none": 0, "all": optAll,
	"indexes": OptIndexes, "includes": OptIncludes, "includesnoexec": OptIncludesNoExec,
	"followsymlinks": OptFollowSymLinks, "symlinksifownermatch": OptSymLinksIfOwnerMatch,
	"execcgi": OptExecCGI, "multiviews": OptMultiViews,
}

// optionsConf is a context's options: a set that replaces the one above, or
// what is added and removed.
type optionsConf struct {
	set         bool
	bits        Options
	add, remove Options
}

var (
	errOptionsMixed = errors.New("either all Options must start with + or -, or no Option may")
	errOptionsFirst = errors.New("'Options None' and 'Options All' must be the first Option given")
)

func (o *optionsConf) parse(args string) error {
	first, merging, allNone := true, false, false
	for _, w := range words(args) {
		action := byte(0)
		if w != "" && (w[0] == '+' || w[0] == '-') {
			action, w = w[0], w[1:]
			if !merging && !first && !allNone {
				return errOptionsMixed
			}
			merging = true
		} else if merging {
			return errOptionsMixed
		}
		key := toLower(w)
		bit, ok := optionNames[key]
		if !ok {
			return errors.New("illegal option " + w)
		}
		if key == "none" || key == "all" {
			if !first {
				return errOptionsFirst
			}
			if merging {
				return errors.New("'Options None' and 'Options All' take no + or -")
			}
			allNone = true
		}
		o.apply(action, bit, first)
		first = false
	}
	return nil
}

func (o *optionsConf) apply(action byte, bit Options, first bool) {
	switch action {
	case '+':
		o.add |= bit
		o.remove &^= bit
		o.bits |= bit
	case '-':
		o.remove |= bit
		o.add &^= bit
		o.bits &^= bit
	default:
		if first {
			*o = optionsConf{set: true}
		}
		o.bits |= bit
	}
}

func mergeOptions(base, over optionsConf) optionsConf {
	if over.set {
		return over
	}
	return optionsConf{
		set:    base.set,
		bits:   (base.bits &^ over.remove) | over.add,
		add:    (base.add &^ over.remove) | over.add,
		remove: (base.remove &^ over.add) | over.remove,
	}
}

// String lists the options.
func (o Options) String() string {
	var out []string
	for _, n := range [...]struct {
		bit  Options
		name string
	}{
		{OptIndexes, "Indexes"},
		{OptIncludes, "Includes"},
		{OptIncludesNoExec, "IncludesNOEXEC"},
		{OptFollowSymLinks, "FollowSymLinks"},
		{OptSymLinksIfOwnerMatch, "SymLinksIfOwnerMatch"},
		{OptExecCGI, "ExecCGI"},
		{OptMultiViews, "MultiViews"},
	} {
		if o&n.bit != 0 {
			out = append(out, n.name)
		}
	}
	if len(out) == 0 {
		return "None"
	}
	return strings.Join(out, " ")
}
