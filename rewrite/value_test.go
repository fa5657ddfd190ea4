package rewrite

import (
	"reflect"
	"strings"
	"testing"
)

func TestExpr(t *testing.T) {
	q, _ := world(t, "")
	q.Target = "/docs/readme.txt?a=1"
	q.Fields = []Field{{"Host", "example.com"}, {"X-A", "v1"}, {"Accept", "text/html"}}
	r := q.Run().r
	for source, want := range map[string]bool{
		`true`: true, `false || true && false`: false, `!false`: true, `not true`: false, `(true)`: true,
		`%{REQUEST_URI} == '/docs/readme.txt'`: true, `%{REQUEST_URI} = "/x"`: false,
		`%{REQUEST_URI} =~ m#^/(d)ocs# && $1 == 'd'`: true, `%{REQUEST_URI} !~ /DOCS/`: true, `%{REQUEST_URI} =~ /DOCS/i`: true,
		`'10' -gt '9'`: true, `'10' > '9'`: false, `10 eq 10`: true, `'a' lt 'b'`: false,
		`%{REQUEST_METHOD} in {'GET','PUT'}`: true, `'x' -in {'GET'}`: false,
		`-n req('X-A')`: true, `-z %{HTTP:X-B}`: true, `req('x-a') == 'v1'`: true,
		`-T 'off'`: false, `-T 'yes'`: true, `-R '192.0.2.0/24'`: true, `%{REMOTE_ADDR} -ipmatch '192.0.3.0/24'`: false,
		`'abc' -strmatch 'a*'`: true, `'ABC' -strmatch 'a*'`: false, `'ABC' -strcmatch 'a*'`: true, `'abc' -fnmatch 'a[a-c]?'`: true,
		`-f '/srv/static.txt'`: true, `-d '/srv/docs'`: true, `-e '/nope'`: false, `-s %{REQUEST_FILENAME}`: true,
		`tolower('ABC') . toupper('d') == 'abcD'`: true, `md5('x') == '9dd4e461268c8034f5c8564e155c67a6'`: true,
		`base64('a') == 'YQ==' && unbase64('YQ==') == 'a'`: true, `escape('a b') == 'a%20b'`: true, `unescape('a%20b') == 'a b'`: true,
		`"a%{REQUEST_METHOD}\x41" == 'aGETx41'`: true, `'it\'s' == "it's"`: true, `%{IS_SUBREQ} == 'false'`: true,
		`%{tolower:ABC} == 'abc'`: true, `%{CONTENT_TYPE} == 'text/plain'`: true, `-U '/docs/'`: true, `-F '/srv/nope'`: false,
	} {
		e, err := CompileExpr(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := e.test(&exprScope{r: r}); got != want || err != nil {
			t.Errorf("%s = %v (%v), want %v", source, got, err, want)
		}
	}
	for _, source := range []string{``, `foo`, `%{NOPE} == 'x'`, `nope('x') == 'x'`, `'x' -nope 'y'`, `-y 'x'`, `'x`, `%{REQUEST_URI} =~ 'x'`, `(true`, `true true`, `%{REQUEST_URI} =~ /(/`, `'x' -ipmatch 'y'`} {
		if _, err := CompileExpr(source); err == nil {
			t.Errorf("%q is taken", source)
		}
	}
}

func TestVerifyPassword(t *testing.T) {
	for _, c := range []struct {
		hash, password string
		want           bool
	}{
		{"$apr1$saltsalt$yAAkm4libquA.ZWLHbSBq/", "password", true},
		{"$1$abcdefgh$G//4keteveJp0qb8z2DxG/", "password", true},
		{"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "password", true},
		{"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "Password", false},
		{"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!", true},
		{"$6$rounds=9999999$saltstring$x", "Hello world!", false},
		{"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!", true},
		{"$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", true},
		{"abccBcrPOxnLU", "pass", true},
		{"./55U6dQC81Cw", "longer password", true},
		{"abccBcrPOxnLU", "Pass", false},
		{"plain", "plain", false},
		{"", "", false},
	} {
		if got := VerifyPassword(c.hash, c.password); got != c.want {
			t.Errorf("VerifyPassword(%q, %q) = %v, want %v", c.hash, c.password, got, c.want)
		}
	}
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct{ name, htaccess, want string }{
		{"set", "Header set A 1\nHeader set a 2", "a: 2"},
		{"add", "Header add A 1\nHeader add A 2", "A: 1|A: 2"},
		{"append", "Header append A 1\nHeader append A 2", "A: 1, 2"},
		{"merge", "Header set A \"1, 2\"\nHeader merge A 2\nHeader merge A 3", "A: 1, 2, 3"},
		{"unset", "Header set A: 1\nHeader unset A", ""},
		{"setifempty", "Header setifempty A 1\nHeader setifempty A 2", "A: 1"},
		{"edit", "Header set A aXbX\nHeader edit A X <$0>", "A: a<X>bX"},
		{"edit all", "Header set A aXbX\nHeader edit* A (X) $1$1", "A: aXXbXX"},
		{"format", "SetEnv V 7\nHeader set A \"%{V}e%% %{W}e\"", "A: 7% (null)"},
		{"env", "SetEnvIf Host . Y\nHeader set A 1 env=Y\nHeader set B 1 env=!Y", "A: 1"},
		{"expr", "Header set A expr=%{REQUEST_METHOD}-%{REQUEST_STATUS}\nHeader set B 1 \"expr=-z %{CONTENT_TYPE}\"", "A: GET-200"},
		{"content type", "Header set Content-Type a/b", "Content-Type: a/b"},
		{"always is another table", "Header always set A 1\nHeader set A 2", "A: 1|A: 2"},
		{"expires", "ExpiresActive On\nExpiresByType text/plain A60", "Cache-Control: max-age=60|Expires: Sat, 21 Nov 2026 10:21:30 GMT"},
		{"charset", "AddDefaultCharset utf-8", "Content-Type: text/plain; charset=utf-8"},
		{"vary of a condition", on("RewriteCond %{HTTP:X-A} 1\nRewriteRule ^ -"), "Vary: X-A"},
		{"cookie", on("RewriteRule ^ - [CO=a:b:example.com:0:/p:1:1:Lax]"), "Set-Cookie: a=b; path=/p; domain=example.com; secure; HttpOnly; SameSite=Lax"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, e := world(t, c.htaccess)
			if f := e.ht["/srv/"].Fault; f != nil {
				t.Fatal(f)
			}
			q.Target = "/static.txt"
			q.Fields = []Field{{"Host", "example.com"}, {"X-A", "1"}}
			a := q.Run()
			p := &Response{Status: 200, ContentType: "text/plain"}
			a.Respond(p)
			var got []string
			if p.ContentType != "text/plain" {
				got = append(got, "Content-Type: "+p.ContentType)
			}
			for _, f := range append(p.Always, p.Fields...) {
				got = append(got, f.Name+": "+f.Value)
			}
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("got %q, want %q", s, c.want)
			}
		})
	}
}

func TestMeta(t *testing.T) {
	f := Compile("AddType a/b .x y\nAddEncoding gz .gz\nAddLanguage de .de\nAddCharset utf-8 .u\nAddHandler h .hh\nRemoveType .css", "t", "/", &Dialect{Allowed: OverrideAll})
	types := map[string]string{"txt": "text/plain", "html": "text/html", "css": "text/css"}
	for name, want := range map[string]Meta{
		"a.txt": {Type: "text/plain"}, "a.html.gz": {Type: "text/html", Encoding: "gz"}, "a.de.html": {Type: "text/html", Languages: []string{"de"}},
		"a.txt.u": {Type: "text/plain", Charset: "utf-8"}, "a.Y": {Type: "a/b"}, "noext": {}, ".txt": {}, "a.css": {},
	} {
		if got, _ := resolveMeta(name, f.cfg.mime, types); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// TestAllocations: a request that meets WordPress's rules costs what the engine
// of an empty .htaccess costs, and little.
func TestAllocations(t *testing.T) {
	q, _ := world(t, wordpress)
	fields := []Field{{"Host", "example.com"}, {"User-Agent", "x"}}
	n := testing.AllocsPerRun(100, func() {
		q.Reset()
		q.Target = "/hello.php"
		q.Fields = append(q.Fields, fields...)
		q.Run()
	})
	if n > 5 {
		t.Errorf("%v allocations per request, want at most 5", n)
	}
}

// TestCatastrophic: a pattern that back-tracks for ever does not match, in bounded time.
func TestCatastrophic(t *testing.T) {
	p, err := CompilePattern(`^(?!x)(a+)+$`, false)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Slow() {
		t.Fatal("the pattern is not for the slow engine")
	}
	if p.MatchString(strings.Repeat("a", 5000) + "b") {
		t.Error("it matches")
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct{ base, over, want string }{
		{"Options Indexes FollowSymLinks", "Options -Indexes", "FollowSymLinks"},
		{"Options None", "Options +Indexes", "Indexes"},
		{"Options All", "Options FollowSymLinks", "FollowSymLinks"},
		{"Options All", "Options All -Indexes", "Includes FollowSymLinks ExecCGI"},
	} {
		a := Compile(c.base, "a", "/", &Dialect{Allowed: OverrideAll})
		b := Compile(c.over, "b", "/", &Dialect{Allowed: OverrideAll})
		if got := merge(a.cfg, b.cfg).Options().String(); got != c.want {
			t.Errorf("%s, then %s: %s, want %s", c.base, c.over, got, c.want)
		}
	}
}
