package listing

import (
	"strings"
	"testing"
)

func TestParseOptions(t *testing.T) {
	const fancy, table, size = optFancy, optTable, optNoSize
	for _, tt := range []struct {
		levels string // separated by "|"
		want   flag
		fails  bool
	}{
		{levels: "", want: 0},
		{levels: "FancyIndexing htmltable", want: fancy | table},
		{levels: "+FancyIndexing", want: fancy},
		{levels: "FancyIndexing +HTMLTable", want: fancy},
		{levels: "+HTMLTable FancyIndexing", want: fancy},
		{levels: "FancyIndexing|+HTMLTable", want: fancy | table},
		{levels: "FancyIndexing|HTMLTable", want: table},
		{levels: "FancyIndexing HTMLTable|-HTMLTable", want: fancy},
		{levels: "FancyIndexing|+SuppressSize|None", want: optNone},
		{levels: "None|+SuppressSize", want: size},
		{levels: "-SuppressSize|+SuppressSize", want: 0},
		{levels: "None FancyIndexing", fails: true},
		{levels: "+None", fails: true},
		{levels: "Fancy", fails: true},
		{levels: "NameWidth=4", fails: true},
		{levels: "NameWidth", fails: true},
		{levels: "-DescriptionWidth=30", fails: true},
		{levels: "Charset=a\r\nX:", fails: true},
	} {
		var levels [][]string
		for l := range strings.SplitSeq(tt.levels, "|") {
			levels = append(levels, strings.Split(l, " "))
		}
		if tt.levels == "" {
			levels = nil
		}
		o, err := ParseOptions(levels...)
		if (err != nil) != tt.fails || o.on&^optUnset != tt.want {
			t.Errorf("ParseOptions(%q) = %b, %v, want %b, error %v", tt.levels, o.on, err, tt.want, tt.fails)
		}
	}
}

func TestWidthsAreBounded(t *testing.T) {
	o, err := ParseOptions([]string{"FancyIndexing", "NameWidth=2000000000", "DescriptionWidth=99999999999999999999999"})
	if err != nil || o.name.size() != columnBytesMax || o.description.size() != columnBytesMax {
		t.Errorf("widths %d, %d, %v, want %d", o.name.size(), o.description.size(), err, columnBytesMax)
	}
	if o, err = ParseOptions([]string{"NameWidth=0"}); err != nil || o.name.size() != columnBytesDefault {
		t.Errorf("NameWidth=0: %d, %v, want the default", o.name.size(), err)
	}
}

func TestContentType(t *testing.T) {
	for words, want := range map[string]string{
		"FancyIndexing": "text/html;charset=ISO-8859-1", "Charset=UTF-8": "text/html;charset=UTF-8",
		"Charset= Type=application/xhtml+xml": "application/xhtml+xml",
	} {
		o, err := ParseOptions(strings.Fields(words))
		if got := o.ContentType(); err != nil || got != want {
			t.Errorf("ContentType with %q = %q, %v, want %q", words, got, err, want)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for size, want := range map[int64]string{
		-1: "  - ", 0: "  0 ", 972: "972 ", 973: "1.0K", 1024: "1.0K", 1536: "1.5K", 9<<10 + 973: " 10K", 10 << 10: " 10K",
		972 << 10: "972K", 973 << 10: "1.0M", 1 << 30: "1.0G", 1 << 40: "1.0T", 1 << 50: "1.0P", 1<<63 - 1: "8.0E",
	} {
		if got := formatSize(size); got != want {
			t.Errorf("formatSize(%d) = %q, want %q", size, got, want)
		}
	}
}

func TestWildcard(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a", true},
		{"*", ".a", false},
		{".*", ".a", true},
		{"[.]a", ".a", false},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxbyy", false},
		{"[", "[", true},
		{"[a-", "[a-", true},
		{"[!a]", "b", true},
		{"[]]", "]", true},
		{"\\*", "\\x", true},
		{"a?", "a", false},
		{"", "a", false},
	} {
		if got := compileWildcard(tt.pattern).match(tt.name); got != tt.want {
			t.Errorf("match(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}

func TestNaturalCompare(t *testing.T) {
	sorted := []string{"\xff", "a", "fn0.1", "fn1", "fn1.001", "fn1.01", "fn1.1", "fn1.9", "fn1.10", "fn2", "fn10", "x"}
	for i := 1; i < len(sorted); i++ {
		if naturalCompare(sorted[i-1], sorted[i], false) >= 0 || naturalCompare(sorted[i], sorted[i-1], true) <= 0 {
			t.Errorf("%q is not below %q", sorted[i-1], sorted[i])
		}
	}
}

func TestTitle(t *testing.T) {
	for content, want := range map[string]string{
		"<TITLE>\n a\nb</title>": " a b", "<title>x": "x", "<<title>x": "", "": "", "a\x00<title>x": "",
		strings.Repeat("x", TitleBytesMax-8) + "<title>yz": "y",
	} {
		if got := Title([]byte(content)); got != want {
			t.Errorf("Title(%.30q) = %q, want %q", content, got, want)
		}
	}
}
