package rewrite

import "testing"

func TestMaps(t *testing.T) {
	q, _ := world(t, on("RewriteRule ^(\\w+)$ index.php?${txt:$1|none-${up:$1}}&${rnd:$1}&${nomap:$1|d}"))
	text := "# comment\nkey  value ignored\nkey second\nalone\n"
	q.Site.Maps = map[string]Map{
		"txt": TextMap(text), "up": InternalMap("toupper"),
		"rnd": RandomMap("key a|b|c", func(n int) int { return n - 1 }),
	}
	for target, want := range map[string]string{
		"/key": "script /index.php ?value&c&d", "/other": "script /index.php ?none-OTHER&&d",
	} {
		q.Reset()
		q.Target = target
		if got := summary(q, q.Run()); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
	if InternalMap("nope") != nil {
		t.Error("an unknown internal map is found")
	}
}
