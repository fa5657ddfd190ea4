package conf

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Fault is one thing wrong with a configuration.
type Fault struct {
	// File is the configuration's name, a flag ("--workers"), or "" if the
	// fault is of neither.
	File string
	// Line and Column start at 1, the column in characters; both are 0 if the
	// fault has no place in the file.
	Line   int
	Column int
	// Key is the dotted path of the key concerned, "" if there is none.
	Key string
	// Msg says what is wrong, with the value, and what to do.
	Msg string
	// Err is the cause from the file system, nil if there is none.
	Err error
}

// Error writes the fault as file:line:column: message, leaving out what is not
// known.
func (f *Fault) Error() string {
	switch {
	case f.File == "":
		return f.Msg
	case f.Line == 0:
		return f.File + ": " + f.Msg
	default:
		return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Msg)
	}
}

// Unwrap returns the cause, so that errors.Is(err, fs.ErrNotExist) works.
func (f *Fault) Unwrap() error { return f.Err }

// Faults lists the faults in an error that Load, Parse, FromDir or Detect
// returned, in their order; nil if there are none.
func Faults(err error) []*Fault {
	var many *multierror.Error
	if errors.As(err, &many) {
		var all []*Fault
		for _, e := range many.Errors {
			all = append(all, Faults(e)...)
		}
		return all
	}
	var one *Fault
	if errors.As(err, &one) {
		return []*Fault{one}
	}
	return nil
}

// faults gathers.
type faults struct {
	list []*Fault
}

func (fs *faults) add(f *Fault) { fs.list = append(fs.list, f) }

// err returns nil or all faults in the order of their places.
func (fs *faults) err() error {
	if len(fs.list) == 0 {
		return nil
	}
	slices.SortStableFunc(fs.list, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	all := &multierror.Error{ErrorFormat: formatFaults}
	for _, f := range fs.list {
		all = multierror.Append(all, f)
	}
	return all
}

func formatFaults(errs []error) string {
	if len(errs) == 1 {
		return "conf: " + errs[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "conf: %d faults:", len(errs))
	for _, e := range errs {
		b.WriteString("\n  " + e.Error())
	}
	return b.String()
}
