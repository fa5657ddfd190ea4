package rewrite

import (
	"net/netip"
	"os"
	"testing"
	"time"
)

// fakeEnv is an Env in memory.
type fakeEnv struct {
	files map[string]FileInfo
	texts map[string]string // ReadFile
	ht    map[string]*File
	vars  map[string]string
	host  string
	logs  []string
}

func (e *fakeEnv) Stat(p string) FileInfo {
	if n := len(p); n > 1 && p[n-1] == '/' {
		p = p[:n-1]
	}
	return e.files[p]
}

func (e *fakeEnv) Lstat(p string) FileInfo   { return e.Stat(p) }
func (e *fakeEnv) Htaccess(dir string) *File { return e.ht[dir] }
func (e *fakeEnv) ReadFile(p string, _ int64) ([]byte, error) {
	if s, ok := e.texts[p]; ok {
		return []byte(s), nil
	}
	return nil, os.ErrNotExist
}
func (e *fakeEnv) Getenv(n string) (string, bool) { v, ok := e.vars[n]; return v, ok }
func (e *fakeEnv) Now() time.Time                 { return time.Date(2026, 11, 21, 10, 20, 30, 0, time.UTC) }
func (e *fakeEnv) HostOf(netip.Addr) string       { return e.host }
func (e *fakeEnv) SSLVar(string) string           { return "" }
func (e *fakeEnv) Log(m string)                   { e.logs = append(e.logs, m) }

// world makes a request over a small site with a .htaccess in its root.
func world(tb testing.TB, htaccess string) (*Request, *fakeEnv) {
	tb.Helper()
	e := &fakeEnv{files: map[string]FileInfo{}, texts: map[string]string{}, ht: map[string]*File{}, vars: map[string]string{}}
	for _, d := range []string{"/srv", "/srv/docs", "/srv/sub", "/srv/empty"} {
		e.files[d] = FileInfo{Kind: Directory}
	}
	for _, f := range []string{"index.php", "hello.php", "static.txt", "style.css", "docs/index.html", "docs/readme.txt", "sub/page.php", "a b.txt"} {
		e.files["/srv/"+f] = FileInfo{Kind: Regular, Size: 10, ModTime: 1700000000}
	}
	if htaccess != "" {
		e.add(tb, "/srv/", htaccess)
	}
	q := &Request{
		Site: &Site{
			Root: "/srv", Base: serverBase(tb), Names: []string{"example.com"}, Htaccess: true,
			Types:    map[string]string{"txt": "text/plain", "css": "text/css", "html": "text/html", "png": "image/png"},
			IsScript: func(h string) bool { return len(h) > 6 && h[:6] == "proxy:" },
		},
		Env: e, Method: "GET", Protocol: "HTTP/1.1", Host: "example.com",
		RemoteAddr: netip.MustParseAddr("192.0.2.7"), LocalAddr: "192.0.2.1",
	}
	return q, e
}

func (e *fakeEnv) add(tb testing.TB, dir, text string) {
	tb.Helper()
	e.ht[dir] = Compile(text, dir+".htaccess", dir, &Dialect{Allowed: OverrideAll})
}

const wordpress = `
<IfModule mod_rewrite.c>
RewriteEngine On
RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
RewriteBase /
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
</IfModule>
`

func benchRun(b *testing.B, htaccess, target string) {
	b.Helper()
	q, e := world(b, htaccess)
	if htaccess != "" && e.ht["/srv/"].Fault != nil {
		b.Fatal(e.ht["/srv/"].Fault)
	}
	fields := []Field{{"Host", "example.com"}, {"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120 Safari/537.36"}, {"Accept", "*/*"}}
	q.Target = target
	b.ReportAllocs()
	for b.Loop() {
		q.Reset()
		q.Fields = append(q.Fields, fields...)
		if a := q.Run(); a.Config == nil {
			b.Fatal("no answer")
		}
	}
}

func BenchmarkNothing(b *testing.B)         { benchRun(b, "", "/hello.php") }
func BenchmarkWordPressHello(b *testing.B)  { benchRun(b, wordpress, "/hello.php") }
func BenchmarkWordPressPretty(b *testing.B) { benchRun(b, wordpress, "/2026/11/a-post/") }

func BenchmarkFirewall8G(b *testing.B) {
	for _, name := range []string{"8g-firewall-wasp", "8g-setenvif"} {
		text, err := os.ReadFile(oracleDir + "corpus/" + name + ".htaccess")
		if err != nil {
			b.Skip(err)
		}
		b.Run(name, func(b *testing.B) { benchRun(b, string(text), "/hello.php") })
		b.Run(name+"-query", func(b *testing.B) { benchRun(b, string(text), "/hello.php?page=2&order=price&q=red+shoes") })
	}
}
