package listing

import (
	"strings"
	"testing"
)

// Whatever a .htaccess says, columns keep within bounds, the Content-Type is one
// line, and what one level says does not depend on how it is cut into directives.
func FuzzParseOptions(f *testing.F) {
	f.Add("FancyIndexing NameWidth=* +HTMLTable", "-HTMLTable DescriptionWidth=4097")
	f.Add("None", "+None")
	f.Add("NameWidth=-0 NameWidth=+5 NameWidth=99999999999999999999", "-NameWidth Type=text/plain Charset=")
	f.Add("IconWidth=x -IconHeight +UseOldDateFormat", "Charset=utf-8\x7f")
	f.Fuzz(func(t *testing.T, above, below string) {
		levels := [][]string{strings.Fields(above), strings.Fields(below)}
		o, err := ParseOptions(levels...)
		if again, againErr := ParseOptions(levels...); again != o || (againErr == nil) != (err == nil) {
			t.Fatalf("%q: %+v %v, and %+v %v", levels, o, err, again, againErr)
		}
		if err != nil {
			if o != (Options{}) || !strings.HasPrefix(err.Error(), "listing: ") {
				t.Fatalf("%q: %+v with error %v", levels, o, err)
			}
			return
		}
		for w, least := range map[width]int{o.name: nameBytesMin, o.description: descriptionBytesMin} {
			if n := w.size(); n < least || n > columnBytesMax {
				t.Fatalf("%q: a column of %d octets", levels, n)
			}
		}
		if strings.ContainsFunc(o.ContentType(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("%q: Content-Type %q", levels, o.ContentType())
		}
		if same, err := ParseOptions(nil, levels[0], nil, levels[1], nil); err != nil || same != o {
			t.Fatalf("%q with levels that are none: %+v, %v; without: %+v", levels, same, err, o)
		}
		if !strings.ContainsRune(above+below, '=') {
			if same, err := ParseOptions(strings.Fields(strings.ToUpper(above)), strings.Fields(strings.ToLower(below))); err != nil || same != o {
				t.Fatalf("%q in another case: %+v, %v; want %+v", levels, same, err, o)
			}
		}
	})
}
