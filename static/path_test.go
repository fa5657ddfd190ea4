package static

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestDecodePath(t *testing.T) {
	tests := []struct{ in, want string }{
		{"/", "/"},
		{"/a/b.html", "/a/b.html"},
		{"/a/", "/a/"},
		{"//a///b//", "/a/b/"},
		{"/%61%2Etxt", "/a.txt"},
		{"/a/./b/.", "/a/b/"},
		{"/a/b/..", "/a/"},
		{"/a/b/../", "/a/"},
		{"/a/../b", "/b"},
		{"/a/..", "/"},
		{"/a//../b", "/b"},
		{"/a/%2e%2E/b", "/b"},
		{"/...", "/..."},
		{"/..a/.b", "/..a/.b"},
		{"/%252e%252e/x", "/%2e%2e/x"},
		{"/%c3%a4/\xff", "/\xc3\xa4/\xff"},
		{"/a%20b", "/a b"},
		{"/a%3Fb%23c", "/a?b#c"},
		{"/~x/a:b", "/~x/a:b"},
	}
	for _, tt := range tests {
		got, err := decodePath([]byte("x"), []byte(tt.in), false)
		if err != nil || string(got) != "x"+tt.want {
			t.Errorf("decodePath(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestDecodePathRefuses(t *testing.T) {
	tests := []struct {
		in     string
		fault  PathFault
		offset int
		status int
	}{
		{"", FaultNotAbsolute, 0, 400},
		{"a", FaultNotAbsolute, 0, 400},
		{"*", FaultNotAbsolute, 0, 400},
		{"/%", FaultEscape, 1, 400},
		{"/a%4", FaultEscape, 2, 400},
		{"/%zz", FaultEscape, 1, 400},
		{"/%u0041", FaultEscape, 1, 400},
		{"/%00", FaultNUL, 1, 404},
		{"/\x00", FaultNUL, 1, 404},
		{"/index.php%0a", FaultControl, 10, 400},
		{"/\x7f", FaultControl, 1, 400},
		{"/%1f", FaultControl, 1, 400},
		{"/..", FaultAboveRoot, 3, 400},
		{"/../a", FaultAboveRoot, 3, 400},
		{"/a/../../b", FaultAboveRoot, 8, 400},
		{"/%2e./a", FaultAboveRoot, 5, 400},
		{"//..", FaultAboveRoot, 4, 400},
		{"/a%2fb", FaultEncodedSlash, 2, 404},
		{"/..%2F..%2Fetc", FaultEncodedSlash, 3, 404},
		{"/a\\b", FaultBackslash, 2, 404},
		{"/..%5c", FaultBackslash, 3, 404},
	}
	for _, tt := range tests {
		got, err := decodePath(nil, []byte(tt.in), false)
		var pe *PathError
		if !errors.As(err, &pe) {
			t.Errorf("decodePath(%q) = %q, %v, want a PathError", tt.in, got, err)
			continue
		}
		if len(got) != 0 || pe.Fault != tt.fault || pe.Offset != tt.offset || pe.Status() != tt.status {
			t.Errorf("decodePath(%q) = %q, %v, status %d, want %s at %d, status %d", tt.in, got, err, pe.Status(), tt.fault, tt.offset, tt.status)
		}
	}
}

func TestDecodePathWindows(t *testing.T) {
	for _, in := range []string{
		"/x.php::$DATA", "/c:/x", "/a./b", "/a/b.", "/a%20", "/a%20/b", "/nul", "/NUL.txt", "/a/com1",
		"/LPT9.log", "/con .txt", "/aux/x", "/COM%c2%b9", "/WP-CON~1.PHP", "/a*b", "/a%3fb", "/conin$",
	} {
		_, err := decodePath(nil, []byte(in), true)
		var pe *PathError
		if !errors.As(err, &pe) || pe.Fault != FaultName || pe.Status() != 404 {
			t.Errorf("decodePath(%q) on Windows: %v, want %s", in, err, FaultName)
		}
		if _, err := decodePath(nil, []byte(in), false); err != nil {
			t.Errorf("decodePath(%q) elsewhere: %v", in, err)
		}
	}
	for _, in := range []string{"/", "/console.log", "/com", "/com10", "/lpt", "/backup~a", "/a/../b", "/longer-name~1", "/null"} {
		if _, err := decodePath(nil, []byte(in), true); err != nil {
			t.Errorf("decodePath(%q) on Windows: %v", in, err)
		}
	}
}

func FuzzDecodePath(f *testing.F) {
	for _, s := range []string{"/", "/a/../b", "//..//", "/%2e%2e/%2E", "/a/./b//", "/%", "/%00", "/..%5c", "/a b%25", "/x/.../y"} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, windows bool) {
		got, err := decodePath([]byte("keep"), raw, windows)
		if !bytes.HasPrefix(got, []byte("keep")) {
			t.Fatalf("%q: dst was changed: %q", raw, got)
		}
		if got = got[4:]; err != nil {
			if len(got) != 0 {
				t.Fatalf("%q: %q beside error %v", raw, got, err)
			}
			return
		}
		if got[0] != '/' || len(got) > len(raw) || bytes.ContainsAny(got, "\x00\\\r\n") {
			t.Fatalf("%q decoded to %q", raw, got)
		}
		for _, bad := range []string{"/./", "/../"} {
			if strings.Contains(string(got)+"/", bad) {
				t.Fatalf("%q decoded to %q, which holds %q", raw, got, bad)
			}
		}
		if bytes.Contains(got, []byte("//")) {
			t.Fatalf("%q decoded to %q", raw, got)
		}
		// Without escapes to decode, what is normal stays as it is.
		if !bytes.ContainsRune(got, '%') {
			again, err := decodePath(nil, got, windows)
			if err != nil || !bytes.Equal(again, got) {
				t.Fatalf("%q decoded to %q and that to %q, %v", raw, got, again, err)
			}
		}
	})
}

func TestHidden(t *testing.T) {
	tests := []struct {
		path           string
		refuse, apache bool
	}{
		{"/", false, false},
		{"/index.html", false, false},
		{"/.well-known/acme-challenge/x", false, false},
		{"/a/.well-known/x", true, false},
		{"/.well-known/.env", true, false},
		{"/.htaccess", true, true},
		{"/a/.HTPASSWD", true, true},
		{"/.htaccess/", true, true},
		{"/a/.hta/b", true, false},
		{"/.env", true, false},
		{"/.git/config", true, false},
		{"/a/.svn/entries", true, false},
		{"/.", true, false},
		{"/...", true, false},
		{"/CVS/Entries", true, false},
		{"/a/cvs/root", true, false},
		{"/cvs/me.pdf", false, false},
		{"/_darcs/prefs", true, false},
		{"/wp-config.php~", true, false},
		{"/wp-config.php.bak", true, false},
		{"/a.BAK", true, false},
		{"/a.swp", true, false},
		{"/a.orig", true, false},
		{"/a.save", true, false},
		{"/a.old", true, false},
		{"/v1.old/a.css", false, false},
		{"/#a#", true, false},
		{"/#", false, false},
		{"/dump.sql", true, false},
		{"/dump.sql.gz", true, false},
		{"/site.bak.zip", true, false},
		{"/site.zip", false, false},
		{"/db.sqlite", true, false},
		{"/core.db", false, false},
		{"/composer.json", true, false},
		{"/vendor/composer/installed.json", true, false},
		{"/package-lock.json", true, false},
		{"/package.json", false, false},
		{"/phpunit.xml.dist", false, false},
		{"/web.config", true, false},
		{"/wp-content/debug.log", true, false},
		{"/id_rsa", true, false},
		{"/id_rsa.pub", false, false},
		{"/server.key", true, false},
		{"/privkey.pem", true, false},
		{"/public-key.pem", false, false},
		{"/fullchain.pem", false, false},
		{"/a.css", false, false},
		{"/sqlite", false, false},
		{"/a.very-long-extension-that-no-table-can-hold-at-all", false, false},
	}
	for _, tt := range tests {
		if got := Hidden([]byte(tt.path), Refuse); got != tt.refuse {
			t.Errorf("Hidden(%q, Refuse) = %v", tt.path, got)
		}
		if got := Hidden([]byte(tt.path), Apache); got != tt.apache {
			t.Errorf("Hidden(%q, Apache) = %v", tt.path, got)
		}
	}
}

func TestScriptSource(t *testing.T) {
	exts := []string{".php"}
	tests := []struct {
		name string
		want bool
	}{
		{"x.php", true},
		{"/a/x.PHP", true},
		{"x.php7", true},
		{"x.php~", true},
		{"x.php.bak", true},
		{"x.php.bak2", true},
		{"x.php.txt", true},
		{"x.php.1", true},
		{"x.php_old", true},
		{"x.php-2", true},
		{"x.php (copy)", true},
		{"x.php.tar.gz", true},
		{"x.php.", true},
		{"x.phps", true},
		{"x.phtml", true},
		{"x.inc", true},
		{"a.php.php.html", false},
		{"x.php.html", false},
		{"x.phpx", false},
		{"php", false},
		{"x.css", false},
		{"phpinfo.txt", false},
		{"x.php.averyveryverylongword", false},
	}
	for _, tt := range tests {
		if got := ScriptSource([]byte(tt.name), exts); got != tt.want {
			t.Errorf("ScriptSource(%q) = %v", tt.name, got)
		}
	}
	if ScriptSource([]byte("x.inc"), nil) || ScriptSource([]byte("x.php"), []string{".py", ""}) {
		t.Error("ScriptSource found a script without a matching extension")
	}
	if !ScriptSource([]byte("x.py~"), []string{".py"}) {
		t.Error("ScriptSource(x.py~) with .py = false")
	}
}

func TestPathAllocs(t *testing.T) {
	buf := make([]byte, 0, 256)
	raw := []byte("/wp-content/themes/x/%61/style.CSS")
	exts := []string{".php"}
	got := testing.AllocsPerRun(100, func() {
		p, err := DecodePath(buf, raw)
		if err != nil || Hidden(p, Refuse) || ScriptSource(p, exts) {
			t.Fatal("refused")
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}
