package php

import (
	"fmt"
	"html"
	"maps"
	"strings"
	"testing"
)

// What php-fpm -i says as text and php-cgi -i in HTML is the same.
func FuzzParseConfigured(f *testing.F) {
	f.Add([]byte("open_basedir => no value => /srv:/tmp\nsession.save_handler => files => redis\n"), "/srv/a b:/tmp/<x>&\"y\"")
	f.Add([]byte(`<tr><td class="e">open_basedir</td><td class="v"><i>no value</i></td><td class="v">/a&amp;b</td></tr>`), "no value")
	f.Add([]byte("open_basedir => a => b => c\r\n\n open_basedir"), "")
	f.Fuzz(func(t *testing.T, out []byte, value string) {
		settings, err := parseConfigured(out)
		if err != nil && len(settings) > 0 {
			t.Fatalf("%v, and %q", err, settings)
		}
		for name, v := range settings {
			if !configuredNames[name] || strings.Contains(v, "\n") && !strings.Contains(string(out), "&") {
				t.Fatalf("%q: %q=%q", out, name, v)
			}
		}
		if strings.ContainsAny(value, "\r\n") || strings.Contains(value, "=>") || value != strings.TrimSpace(value) {
			return
		}
		text := fmt.Sprintf("x => y\nopen_basedir => here => %s\nz => 1 => 2\n", value)
		page := fmt.Sprintf("<table>\n<tr><td class=\"e\">open_basedir</td><td class=\"v\">here</td><td class=\"v\">%s</td></tr>\n</table>\n", html.EscapeString(value))
		want := map[string]string{"open_basedir": value}
		if value == "no value" {
			want = map[string]string{}
		}
		for _, out := range []string{text, page} {
			if got, err := parseConfigured([]byte(out)); err != nil || !maps.Equal(got, want) {
				t.Fatalf("parseConfigured(%q) = %q, %v", out, got, err)
			}
		}
	})
}
