package rewrite

import (
	"bufio"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dirEnv is an Env over a real folder.
type dirEnv struct {
	files map[string]*File
	logs  []string
}

func (e *dirEnv) info(st os.FileInfo, err error) FileInfo {
	if err != nil {
		if errors.Is(err, syscall.ENAMETOOLONG) || os.IsPermission(err) {
			return FileInfo{Kind: Denied}
		}
		return FileInfo{}
	}
	f := FileInfo{Kind: Other, Size: st.Size(), ModTime: st.ModTime().Unix(), Exec: st.Mode()&0o111 != 0}
	switch {
	case st.Mode().IsRegular():
		f.Kind = Regular
	case st.IsDir():
		f.Kind = Directory
	case st.Mode()&os.ModeSymlink != 0:
		f.Kind = Symlink
	}
	return f
}

func (e *dirEnv) Stat(p string) FileInfo  { return e.info(os.Stat(p)) }
func (e *dirEnv) Lstat(p string) FileInfo { return e.info(os.Lstat(p)) }

func (e *dirEnv) Htaccess(dir string) *File {
	if f, ok := e.files[dir]; ok {
		return f
	}
	dir = strings.Clone(dir) // it is a part of a request
	var f *File
	if b, err := os.ReadFile(dir + ".htaccess"); err == nil {
		f = Compile(string(b), dir+".htaccess", dir, &Dialect{Allowed: OverrideAll})
	}
	e.files[dir] = f
	return f
}

func (e *dirEnv) ReadFile(p string, _ int64) ([]byte, error) { return os.ReadFile(p) }
func (e *dirEnv) Getenv(string) (string, bool)               { return "", false }
func (e *dirEnv) Now() time.Time                             { return time.Unix(1790000000, 0) }
func (e *dirEnv) HostOf(netip.Addr) string                   { return "localhost" }
func (e *dirEnv) SSLVar(string) string                       { return "" }
func (e *dirEnv) Log(m string)                               { e.logs = append(e.logs, m) }

// serverText stands for the Apache configuration of the oracle.
const serverText = `
Options FollowSymLinks
Require all granted
DirectoryIndex index.php index.html index.htm
AddType application/x-httpd-php .never-used
<FilesMatch "^\.ht">
Require all denied
</FilesMatch>
<FilesMatch ".+\.ph(?:ar|p|tml)$">
SetHandler "proxy:unix:/run/fpm.sock|fcgi://localhost"
</FilesMatch>
<FilesMatch ".+\.phps$">
Require all denied
</FilesMatch>
<FilesMatch "^\.ph(?:ar|p|ps|tml)$">
Require all denied
</FilesMatch>
`

func serverBase(tb testing.TB) *File {
	tb.Helper()
	f := Compile(serverText, "server", "/", &Dialect{Server: true})
	if f.Fault != nil {
		tb.Fatal(f.Fault)
	}
	return f
}

// mimeTypes reads /etc/mime.types, as the oracle's Apache does.
func mimeTypes(tb testing.TB) map[string]string {
	tb.Helper()
	types := map[string]string{}
	f, err := os.Open("/etc/mime.types")
	if err != nil {
		tb.Skip("no /etc/mime.types: ", err)
	}
	defer func() { _ = f.Close() }()
	s := bufio.NewScanner(f)
	for s.Scan() {
		w := strings.Fields(s.Text())
		if len(w) < 2 || strings.HasPrefix(w[0], "#") {
			continue
		}
		for _, ext := range w[1:] {
			types[toLower(ext)] = w[0]
		}
	}
	return types
}

func testSite(tb testing.TB, root string) *Site {
	tb.Helper()
	root, err := filepath.Abs(root)
	if err != nil {
		tb.Fatal(err)
	}
	return &Site{
		Root: root, Base: serverBase(tb), Names: []string{"example.com", "www.example.com"},
		Types: mimeTypes(tb), Htaccess: true, Proxy: true, Port: 80, TLSPort: 443,
		IsScript: func(h string) bool { return strings.HasPrefix(h, "proxy:") },
	}
}
