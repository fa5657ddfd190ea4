package session

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/yookoala/gofast"
)

// gofast's filter session, unchanged.
func TestGofastFilter(t *testing.T) {
	var last atomic.Pointer[wire]
	tr := transport(t, wireBackend(t, func(q *wire) (string, bool) {
		last.Store(q)
		return "Content-Type: text/plain\r\n\r\n" + strings.ToUpper(string(q.data)), true
	}), nil)
	text := strings.Repeat("some text ", 50_000)
	files := http.FS(fstestFiles{"page.txt": text}.fs())
	ways(t, tr, gofast.NewFilterFS(files)(gofast.BasicSession), func(t *testing.T, url string) {
		if _, body := get(t, url+"/page.txt"); body != strings.ToUpper(text) {
			t.Errorf("%d octets", len(body))
		}
		q := last.Load()
		if q.role != 3 || q.params["FCGI_DATA_LENGTH"] != fmt.Sprint(len(text)) || q.params["FCGI_DATA_LAST_MOD"] != "1000000000" {
			t.Errorf("role %d, length %q, time %q", q.role, q.params["FCGI_DATA_LENGTH"], q.params["FCGI_DATA_LAST_MOD"])
		}
		if res, _ := get(t, url+"/none.txt"); res.StatusCode != 500 { // as gofast does
			t.Errorf("no such file: %d", res.StatusCode)
		}
	})
}

// gofast's authorizer, unchanged.
func TestGofastAuthorizer(t *testing.T) {
	var stdins atomic.Int32
	tr := transport(t, wireBackend(t, func(q *wire) (string, bool) {
		stdins.Add(int32(q.stdins))
		if _, ok := q.params["CONTENT_LENGTH"]; q.role != 2 || ok || q.params["HTTP_X_PASS"] != "yes" {
			return fmt.Sprintf("Status: 403\r\nContent-Type: text/plain\r\n\r\nrole %d", q.role), true
		}
		return "Status: 200\r\nVariable-Who: ann\r\n\r\n", true
	}), nil)
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, "in as ", r.Header.Get("Who")) })
	h := gofast.NewAuthorizer(tr.Client, gofast.NewAuthPrepare()(gofast.BasicSession)).Wrap(inner)
	noLeak(t, tr, func() {
		for pass, want := range map[string]string{"yes": "200 in as ann", "no": "403 role 2"} {
			r := httptest.NewRequest("POST", "/", strings.NewReader("content"))
			r.Header.Set("X-Pass", pass)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got := fmt.Sprint(w.Code, " ", w.Body.String()); got != want {
				t.Errorf("%s: got %q, want %q", pass, got, want)
			}
		}
	})
	if n := stdins.Load(); n != 0 {
		t.Errorf("%d records of STDIN; an authorizer gets none", n)
	}
}

func TestRolesThatCannotBe(t *testing.T) {
	tr := transport(t, "/nonexistent/s", nil)
	c, _ := tr.Client()
	for name, req := range map[string]*gofast.Request{
		"no such role": {Role: 4, Params: map[string]string{}},
		"no data":      {Role: gofast.RoleFilter, Params: map[string]string{"FCGI_DATA_LAST_MOD": "1"}},
		"no time":      {Role: gofast.RoleFilter, Params: map[string]string{}, Data: http.NoBody},
	} {
		if _, err := c.Do(req); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
