package host

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"sluice/site"
)

// What PHP 8.2 wrote for the same script as php-cgi and as php-fpm.
const (
	uncaught = "PHP Fatal error:  Uncaught RuntimeException: cause in /s/err.php:6\nStack trace:\n#0 /s/err.php(7): f()\n#1 {main}\n\n" +
		"Next LogicException: inner\nmessage in /s/err.php:6\nStack trace:\n#0 /s/err.php(7): f()\n#1 {main}\n  thrown in /s/err.php on line 6"
	undefined = "PHP Warning:  Undefined variable $undefined in /s/err.php on line 3"
	triggered = "PHP Warning:  multi\nline in /s/err.php on line 4"
)

func TestStderrMessages(t *testing.T) {
	memory := "PHP Fatal error:  Allowed memory size exhausted in /s/a.php on line 3"
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"nothing":        {"", nil},
		"empty lines":    {"\n\r\n", nil},
		"cgi":            {"own one\nown two\n" + undefined + "\n" + triggered + "\nown three\n" + uncaught + "\n", []string{"own one", "own two", undefined, triggered, "own three", uncaught}},
		"fpm":            {"PHP message: own one; PHP message: own two\nof two lines; PHP message: " + undefined + "; PHP message: Array\n(\n)\n; PHP message: " + uncaught, []string{"own one", "own two\nof two lines", undefined, "Array\n(\n)", uncaught}},
		"fpm's second":   {"; PHP message: " + undefined, []string{undefined}},
		"one after one":  {uncaught + "\n" + uncaught + "\n", []string{uncaught, uncaught}},
		"one without":    {"PHP Warning:  no place\n" + undefined + "\n", []string{"PHP Warning:  no place", undefined}},
		"carriage":       {"PHP Warning:  multi\r\nline in /s/err.php on line 4\r\nown\r\n", []string{triggered, "own"}},
		"trace of 8.5":   {memory + "\nStack trace:\n#0 {main}\nown\n", []string{memory + "\nStack trace:\n#0 {main}", "own"}},
		"trace, Xdebug":  {undefined + "\nPHP Stack trace:\nPHP   1. {main}() /s/err.php:0\nown\n", []string{undefined + "\nPHP Stack trace:\nPHP   1. {main}() /s/err.php:0", "own"}},
		"own like trace": {"#1 of my list\n#2 of it\n", []string{"#1 of my list", "#2 of it"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := stderrMessages(tt.text); !slices.Equal(got, tt.want) {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

// An uncaught exception is one event of its own level.
func TestReportStderr(t *testing.T) {
	core, seen := observer.New(zapcore.DebugLevel)
	r := site.Report{Site: "s", Script: "/err.php", Stderr: []byte(undefined + "\n" + uncaught + "\n"), Lost: 3}
	report(zap.New(core), r, netip.MustParseAddr("192.0.2.1"), "GET /err.php")
	var got []string
	for _, e := range seen.All() {
		text, _ := e.ContextMap()["text"].(string)
		got = append(got, e.Level.String()+" "+e.Message+" "+text)
		if m := e.ContextMap(); m["script"] != "/err.php" || m["site"] != "s" || m["req"] != "GET /err.php" {
			t.Errorf("%v", m)
		}
	}
	want := []string{"warn php stderr " + undefined, "error php stderr " + uncaught, "warn php stderr was cut "}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
