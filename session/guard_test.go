package session

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yookoala/gofast"

	"sluice/fcgi"
)

func decode(t *testing.T, pairs []byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	for len(pairs) > 0 {
		name, value, n, err := fcgi.ConsumePair(pairs)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := out[string(name)]; twice {
			t.Errorf("%s is given twice", name)
		}
		out[string(name)] = string(value)
		pairs = pairs[n:]
	}
	return out
}

func TestGuardParameters(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		params map[string]string
		role   gofast.Role
		want   map[string]string
	}{
		{"others pass", nil, map[string]string{"A": "1", "REMOTE_USER": "x", "php_lower.2": ""}, 1, map[string]string{"A": "1", "REMOTE_USER": "x", "php_lower.2": ""}},
		{"httpoxy", http.Header{"Proxy": {"evil"}}, map[string]string{"HTTP_PROXY": "evil"}, 1, map[string]string{}},
		{"lengths are ours to say", nil, map[string]string{"CONTENT_LENGTH": "9", "HTTP_CONTENT_LENGTH": "9", "FCGI_DATA_LENGTH": "9", "FCGI_DATA_LAST_MOD": "9"}, 1, map[string]string{}},
		{"a line that poses as another", http.Header{"X_user": {"root"}}, map[string]string{"HTTP_X_USER": "root"}, 1, map[string]string{}},
		{"beside the real one", http.Header{"X_user": {"root"}, "X-User": {"ann"}}, map[string]string{"HTTP_X_USER": "root"}, 1, map[string]string{"HTTP_X_USER": "ann"}},
		{"two that pose", http.Header{"X_a-B": {"1"}, "X-A_b": {"2"}}, map[string]string{"HTTP_X_A_B": "2"}, 1, map[string]string{}},
		{"what a middleware said itself", http.Header{"X_user": {"root"}}, map[string]string{"HTTP_X_USER": "ann"}, 1, map[string]string{"HTTP_X_USER": "ann"}},
		{"names beyond letters", http.Header{"X!a": {"1"}}, map[string]string{"HTTP_X!A": "1", "HTTP_x": "2"}, 1, map[string]string{}},
		{"cookies", http.Header{"Cookie": {"a=1", "b=2"}}, map[string]string{"HTTP_COOKIE": "a=1,b=2"}, 1, map[string]string{"HTTP_COOKIE": "a=1; b=2"}},
		{"a cookie of a middleware", http.Header{"Cookie": {"a=1"}}, map[string]string{"HTTP_COOKIE": "c=3"}, 1, map[string]string{"HTTP_COOKIE": "c=3"}},
		{"no path info, no translation", nil, map[string]string{"PATH_INFO": "", "PATH_TRANSLATED": "/srv"}, 1, map[string]string{"PATH_INFO": ""}},
		{"a path info", nil, map[string]string{"PATH_INFO": "/x", "PATH_TRANSLATED": "/srv/x"}, 1, map[string]string{"PATH_INFO": "/x", "PATH_TRANSLATED": "/srv/x"}},
		{"an authorizer", nil, map[string]string{"PATH_INFO": "/x", "PATH_TRANSLATED": "/srv/x", "SCRIPT_NAME": "/a", "CONTENT_LENGTH": "1", "A": "1"}, 2, map[string]string{"A": "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pairs, err := (&Guard{}).pairs(&gofast.Request{Raw: &http.Request{Header: tt.header}, Params: tt.params, Role: tt.role})
			if err != nil {
				t.Fatal(err)
			}
			if got := decode(t, pairs); fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestGuardRefusesParameters(t *testing.T) {
	for name, status := range map[string]int{"A=B": 400, "A\x00": 400, "": 400, "A\nB": 400} {
		_, err := (&Guard{}).pairs(&gofast.Request{Params: map[string]string{name: "x"}})
		var no *Refusal
		if !errors.As(err, &no) || no.Status != status {
			t.Errorf("%q: %v", name, err)
		}
	}
	for value, want := range map[string]int{"a\x00b": 400, strings.Repeat("x", paramsBytesMax): 431} {
		_, err := (&Guard{}).pairs(&gofast.Request{Params: map[string]string{"A": value}})
		var no *Refusal
		if !errors.As(err, &no) || no.Status != want {
			t.Errorf("a value of %d octets: %v", len(value), err)
		}
	}
}

// GOFAST.md lists what gofast's router runs.
func TestGuardScript(t *testing.T) {
	top := t.TempDir()
	root := filepath.Join(top, "www")
	for _, name := range []string{"www/index.php", "www/up/evil.jpg", "wwwx/secret.php"} {
		path := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		file   string
		status int
	}{
		{"", 0},
		{root + "/index.php", 0},
		{root + "/up/../index.php", 0},
		{root + "/up/evil.jpg", 403},
		{root + "/up/evil.jpg/x.php", 404},
		{root + "/up/evil.jpg\x00.php", 400},
		{root + "/../wwwx/secret.php", 403},
		{root + "x/secret.php", 403},
		{"/etc/passwd", 403},
		{"www/index.php", 403},
		{root, 403},
		{root + "/none.php", 404},
		{root + "/up", 403},
	}
	g := &Guard{Root: root, Extensions: []string{".php"}}
	for _, tt := range tests {
		err := g.script(tt.file)
		var no *Refusal
		if (err == nil) != (tt.status == 0) || (err != nil && (!errors.As(err, &no) || no.Status != tt.status)) {
			t.Errorf("%q: %v, want status %d", tt.file, err, tt.status)
		}
	}
	remote := &Guard{Root: "/far/away", Remote: true}
	if err := remote.script("/far/away/x.php"); err != nil {
		t.Error(err)
	}
	if err := remote.script("/far/awayx/x.php"); err == nil {
		t.Error("a file beside the root")
	}
	for _, bad := range []Guard{{Root: "www"}, {Extensions: []string{"php"}}} {
		if _, err := New(Options{Guard: bad}); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// PHP runs PATH_TRANSLATED where there is no SCRIPT_FILENAME.
func TestGuardLooksAtWhatRuns(t *testing.T) {
	own := errors.New("no")
	g := &Guard{Check: func(file string) error {
		switch file {
		case "/srv/teapot.php":
			return &Refusal{http.StatusTeapot, own}
		case "/srv/good.php":
			return nil
		}
		return own
	}}
	for _, tt := range []struct {
		params map[string]string
		role   gofast.Role
		status int
	}{
		{nil, gofast.RoleResponder, 0},
		{map[string]string{"SCRIPT_FILENAME": "/srv/good.php"}, gofast.RoleResponder, 0},
		{map[string]string{"SCRIPT_FILENAME": "/srv/bad.php"}, gofast.RoleResponder, 403},
		{map[string]string{"SCRIPT_FILENAME": "/srv/teapot.php"}, gofast.RoleResponder, 418},
		{map[string]string{"SCRIPT_FILENAME": "/srv/good.php", "PATH_INFO": "/x", "PATH_TRANSLATED": "/srv/x"}, gofast.RoleResponder, 0},
		{map[string]string{"PATH_INFO": "/x", "PATH_TRANSLATED": "/srv/bad.php"}, gofast.RoleResponder, 403},
		{map[string]string{"PATH_INFO": "/x", "PATH_TRANSLATED": "/srv/bad.php"}, gofast.RoleFilter, 403},
		{map[string]string{"PATH_INFO": "/x", "PATH_TRANSLATED": "/srv/bad.php"}, gofast.RoleAuthorizer, 0}, // is left out
		{map[string]string{"PATH_TRANSLATED": "/srv/bad.php"}, gofast.RoleResponder, 0},                     // as well
	} {
		_, err := g.pairs(&gofast.Request{Params: tt.params, Role: tt.role})
		var no *Refusal
		if (err == nil) != (tt.status == 0) || err != nil && (!errors.As(err, &no) || no.Status != tt.status || !errors.Is(err, own)) {
			t.Errorf("%v as %d: %v, want status %d", tt.params, tt.role, err, tt.status)
		}
	}
}

// A refusal is a response, also through gofast's handler.
func TestRefusalIsAResponse(t *testing.T) {
	root := t.TempDir()
	tr := transport(t, "/nonexistent/s", func(o *Options) { o.Guard = Guard{Root: root, Extensions: []string{".php"}} })
	ways(t, tr, gofast.NewPHPFS(root)(gofast.BasicSession), func(t *testing.T, url string) {
		if res, body := get(t, url+"/none.php"); res.StatusCode != 404 || body != "Not Found\n" {
			t.Errorf("%d %q", res.StatusCode, body)
		}
	})
}
