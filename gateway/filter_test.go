package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/loop"
)

// counted is a file that knows how often it was released.
type counted struct {
	f        *os.File
	released atomic.Int32
}

func (c *counted) File() *os.File { return c.f }
func (c *counted) Release()       { c.released.Add(1) }

func openFile(t *testing.T, content string) *counted {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &counted{f: f}
}

// filter sends content and a file.
func (f *fixture) filter(content *string, d Data) *client {
	f.t.Helper()
	method := "GET"
	if content != nil {
		method = "POST"
	}
	c := f.client(method, "x")
	f.on(func() {
		c.r.Role, c.r.Data = fcgi.Filter, d
		c.r.Start(content != nil)
		if content != nil {
			c.r.Content([]byte(*content))
			c.r.ContentEnd()
		}
	})
	return c
}

func describe(q *raw) string {
	return fmt.Sprintf("%d %v %v %v stdin=%d data=%d", q.role, q.params["FCGI_DATA_LENGTH"], q.params["FCGI_DATA_LAST_MOD"], q.params["CONTENT_LENGTH"], len(q.stdin), len(q.data))
}

func TestFilterGetsFileAfterContent(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		var seen atomic.Pointer[raw]
		f := start(t, e, rawly(func(q *raw) string { seen.Store(q); return "A: 1\r\n\r\n" + strings.ToUpper(string(q.data)) }), settings{})
		for _, n := range []int{0, 1, 65527, 65528, 65529, 1 << 20} {
			text := random(n)
			file := openFile(t, text)
			content := random(100_000)
			f.filter(&content, Data{File: file, Length: int64(n), ModTime: 1234567890123}).gets(200, strings.ToUpper(text))
			if string(seen.Load().stdin) != content || string(seen.Load().data) != text {
				t.Errorf("%d octets: other content or file", n)
			}
			if got, want := describe(seen.Load()), fmt.Sprintf("3 [%d] [1234567890123] [100000] stdin=100000 data=%d", n, n); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			want := []string{"BEGIN", "PARAMS", "PARAMS-", "STDIN", "STDIN-", "DATA", "DATA-"}
			if n == 0 {
				want = slices.Delete(want, 5, 6)
			}
			if !slices.Equal(seen.Load().records, want) {
				t.Errorf("records %v, want %v", seen.Load().records, want)
			}
			f.eventually("the file is released once", func() bool { return file.released.Load() == 1 })

			// From memory, and without content.
			f.filter(nil, Data{Content: []byte(text)}).gets(200, strings.ToUpper(text))
			if got, want := describe(seen.Load()), fmt.Sprintf("3 [%d] [0] [] stdin=0 data=%d", n, n); got != want || string(seen.Load().data) != text {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		f.healthy()
		if n := f.accepted.Load(); n != 1 {
			t.Errorf("%d connections; each request ended well", n)
		}
	})
}

// The lengths that a filter is told are ours to say.
func TestFilterParamsAreNotTheClients(t *testing.T) {
	var seen atomic.Pointer[raw]
	f := start(t, loop.Auto, rawly(func(q *raw) string { seen.Store(q); return "A: 1\r\n\r\n" }), settings{})
	c := f.client("GET", "x")
	f.on(func() {
		c.r.Role, c.r.Data = fcgi.Filter, Data{Content: []byte("abc"), ModTime: 5}
		c.r.Pairs = fcgi.AppendPair(nil, "QUERY_STRING", "only this")
		c.r.Env.Variables = []cgi.Variable{{Name: "A", Value: "not given"}}
		c.r.Start(false)
	})
	c.gets(200, "")
	if got := fmt.Sprint(seen.Load().params); got != "map[FCGI_DATA_LAST_MOD:[5] FCGI_DATA_LENGTH:[3] QUERY_STRING:[only this]]" {
		t.Errorf("%s", got)
	}
	f.healthy()
}

// A filter whose connection broke gets the file once more, from its beginning.
func TestFilterIsSentAgain(t *testing.T) {
	var n atomic.Int32
	text := random(300_000)
	f := start(t, loop.Auto, rawly(func(q *raw) string {
		if n.Add(1) == 1 {
			return "CUT"
		}
		return "A: 1\r\n\r\n" + string(q.data)
	}), settings{retries: 2})
	file := openFile(t, text)
	f.filter(nil, Data{File: file, Length: int64(len(text))}).gets(200, text)
	f.healthy()
	if k := file.released.Load(); k != 1 || n.Load() != 2 {
		t.Errorf("released %d times after %d tries", k, n.Load())
	}
}

// Files are released also where no worker came, or the client went away.
func TestFilterFileIsReleased(t *testing.T) {
	f := start(t, loop.Auto, rawly(func(*raw) string { return "CUT" }), settings{})
	file := openFile(t, random(200_000))
	f.filter(nil, Data{File: file, Length: 200_000}).fails(502)
	gone := openFile(t, random(5<<20))
	c := f.client("GET", "x")
	f.on(func() {
		c.r.Role, c.r.Data = fcgi.Filter, Data{File: gone, Length: 5 << 20}
		c.r.Start(false)
		c.gone()
	})
	never := openFile(t, "abc")
	c2 := f.client("POST", "x")
	f.on(func() {
		c2.r.Role, c2.r.Data = fcgi.Filter, Data{File: never, Length: 3}
		c2.r.Start(true)
		c2.gone()
	})
	f.eventually("all files are released once", func() bool {
		return file.released.Load() == 1 && gone.released.Load() == 1 && never.released.Load() == 1
	})
	f.healthy()
}
