package rewrite

import (
	"bufio"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
)

// folderEnv is a dirEnv that can read folders.
type folderEnv struct{ *dirEnv }

func (e folderEnv) FolderNames(dir string) ([]string, bool) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, true
	}
	names := []string{}
	for _, f := range list {
		name := f.Name()
		if f.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	sort.Strings(names)
	return names, true
}

// program answers with what a script sees of itself.
const program = "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\nran %s+%s?%s' \"${SCRIPT_FILENAME##*/}\" \"$PATH_INFO\" \"$QUERY_STRING\"\n"

// negotiationTree is the document root: a folder for each matter, a file's text
// is its name unless it says something else.
var negotiationTree = map[string]string{
	"lang/.htaccess": "", "lang/page.html.en": "", "lang/page.html.de": "", "lang/page.html.fr": "a longer one", "lang/page.html.en-gb": "",
	"lang/page.html": "", "lang/doc.en.html": "", "lang/doc.pt-br.html": "", "lang/both.html.en.de": "", "lang/both.html.fr": "", "lang/only.html.de": "",
	"prio/.htaccess":    "LanguagePriority fr de en\nForceLanguagePriority Prefer Fallback\n",
	"prio/page.html.en": "", "prio/page.html.de": "", "prio/page.html.fr": "", "prio/sub/page.html.en": "", "prio/sub/page.html.de": "",
	"prio/sub/.htaccess": "ForceLanguagePriority Fallback\n", "prio/none/.htaccess": "ForceLanguagePriority None\nLanguagePriority de\n",
	"prio/none/page.html.en": "", "prio/none/page.html.de": "", "prio/none/two.html.de.en": "", "prio/none/two.html.fr": "",
	"prio/prefer/.htaccess": "ForceLanguagePriority Prefer\n", "prio/prefer/page.html.en": "", "prio/prefer/page.html.de": "",
	"type/pic.png": "", "type/pic.gif": "gif", "type/pic.jpg": "", "type/text.txt": "", "type/text.html": "", "type/text.pdf": "",
	"type/ssi.shtml": "", "type/ssi.html": "", "type/.htaccess": "AddType text/x-server-parsed-html .shtml\nAddType \"text/html;level=3\" .html3\nAddType \"text/plain;qs=0.5\" .half\n",
	"type/lev.html": "", "type/cs/x.htm5.utf8": "", "type/cs/.htaccess": "AddType \"Text/HTML ;charset=Latin1;x=y\" .htm5\nAddCharset utf-8 .utf8\n", "type/lev.html3": "", "type/q.half": "", "type/q.html": "",
	"enc/.htaccess": "AddEncoding x-gzip .gz\nAddEncoding br .br\n", "enc/app.js": "much longer than those", "enc/app.js.gz": "", "enc/app.js.br": "", "enc/big.css.gz": "",
	"enc/plain.txt": "", "enc/plain.html.gz": "",
	"cs/.htaccess":   "AddCharset utf-8 .utf8\nAddCharset iso-8859-2 .l2\nAddCharset iso-8859-1 .l1\n",
	"cs/p.html.utf8": "", "cs/p.html.l2": "", "cs/p.html": "", "cs/q.html.l1": "", "cs/q.html.utf8": "", "cs/r.png.l2": "",
	"php/foo.php": program, "php/typed/.htaccess": "AddType application/x-httpd-php .php\n", "php/typed/foo.php": program, "php/typed/foo.html": "",
	"php/typed/bar.php": program, "php/any/.htaccess": "MultiviewsMatch Any\n", "php/any/foo.php": program, "php/any/foo.xyz": "", "php/any/foo.html": "",
	"php/hand/.htaccess": "MultiviewsMatch Handlers\nAddHandler cgi-script .pl\nOptions +ExecCGI\n", "php/hand/foo.pl": program, "php/hand/bar.php": program,
	"php/handoff/.htaccess": "AddHandler cgi-script .pl\nOptions +ExecCGI\n", "php/handoff/foo.pl": program, "php/handoff/foo.html.pl": program,
	"rw/.htaccess": "AddType application/x-httpd-php .php\nRewriteEngine On\nRewriteRule ^one$ two.html\nRewriteRule ^three\\.php$ four.html\nRewriteRule ^gone\\.html$ - [G]\nRewriteRule ^away\\.html$ /elsewhere [R]\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^nope - [F]\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^front index.php?p=$0\n",
	"rw/one.html":  "", "rw/two.html": "", "rw/three.php": program, "rw/four.html": "", "rw/gone.html": "", "rw/away.html": "", "rw/index.php": program, "rw/bar.php": program,
	"rw/front.xyz": "", "rw/all/.htaccess": "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^ index.php [L]\n", "rw/all/index.php": program, "rw/all/page.html": "", "rw/all/odd.xyz": "",
	"err/.htaccess": "ErrorDocument 406 /err/sorry.txt\nErrorDocument 404 \"nothing\"\n", "err/sorry.txt": "", "err/page.png": "", "err/page.gif": "", "err/odd.xyz": "",
	"err2/.htaccess": "ErrorDocument 406 \"none of them\"\nErrorDocument 300 /err2/list\n", "err2/page.png": "", "err2/list.html": "",
	"idx/.htaccess": "DirectoryIndex index\n", "idx/index.html.en": "", "idx/index.html.de": "", "idx/two/index.png": "", "idx/two/.htaccess": "DirectoryIndex index other.html\n", "idx/two/other.html": "",
	"unk/name.foo": "", "unk/mix.foo": "", "unk/mix.html": "", "unk/long.html.foo": "", "unk/long.foo.html": "", "unk/long.x.html": "", "unk/.hidden.html": "", "unk/dots..html": "", "unk/a.b.html": "", "unk/a.b.txt.html": "",
	"unk/a;b.html": "", "unk/sp ace.html": "", "unk/a&b.html": "",
	"acc/.htaccess":    "<Files \"page.html.en\">\nRequire all denied\n</Files>\n<Files \"all.*\">\nRequire all denied\n</Files>\n<Files page>\nRequire all granted\n</Files>\n",
	"acc/page.html.en": "", "acc/page.html.de": "", "acc/all.html": "",
	"off/.htaccess": "Options -MultiViews\n", "off/page.html": "",
	"dirs/foo.d/x": "", "dirs/foo.html": "", "dirs/bar.d/x": "",
	"env/.htaccess":    "SetEnvIf X-Prefer (.+) prefer-language=$1\nSetEnvIf X-Plain . no-gzip\nSetEnvIf X-Only . gzip-only-text/html=1\nAddEncoding gzip .gz\n",
	"env/page.html.en": "", "env/page.html.de": "", "env/page.html.fr": "", "env/js.js.gz": "", "env/js.js": "a longer one", "env/h.html.gz": "", "env/h.html": "a longer one",
	"head/.htaccess": "Header append Vary X-Own\nHeader always set X-TCN \"%{TCN}o\"\nHeader always unset Content-Location\n", "head/page.html.en": "", "head/page.html.de": "",
	"force/.htaccess": "ForceType text/plain\nDefaultLanguage de\n", "force/page.html.en": "", "force/page.html": "", "force/page.xyz": "",
	"fall/.htaccess": "FallbackResource /fall/front\n", "fall/front.html": "", "fall/here.png": "",
}

const negotiationRoot = "Options FollowSymLinks MultiViews\nAddLanguage en .en\nAddLanguage de .de\nAddLanguage fr .fr\nAddLanguage en-gb .en-gb\nAddLanguage pt-br .pt-br\n"

const negotiationConfig = `%s
ServerRoot %[2]s
PidFile %[2]s/httpd.pid
DefaultRuntimeDir %[2]s
Mutex default:%[2]s
ScriptSock %[2]s/cgisock
%[5]sListen 127.0.0.1:%[3]d
ServerName example.com
UseCanonicalName Off
ServerTokens Prod
TraceEnable Off
KeepAlive Off
ErrorLog %[2]s/error.log
TypesConfig /etc/mime.types
DocumentRoot %[4]s
<Directory />
Options FollowSymLinks
AllowOverride None
Require all denied
</Directory>
<Directory %[4]s>
Options FollowSymLinks
AllowOverride All
Require all granted
</Directory>
%[6]s`

const negotiationServer = "DirectoryIndex index.php index.html\n<FilesMatch \"^\\.ht\">\nRequire all denied\n</FilesMatch>\n<FilesMatch \".+\\.php$\">\nSetHandler cgi-script\nOptions +ExecCGI\n</FilesMatch>\n"

// startApache runs an Apache of our own over root; it ends with the test.
func startApache(t *testing.T, dir, root string) (address string) {
	t.Helper()
	const modules = "/usr/lib/apache2/modules/"
	bin, err := exec.LookPath("apache2")
	if _, missing := os.Stat(modules + "mod_negotiation.so"); err != nil || missing != nil {
		t.Skip("NOT COMPARED: there is no apache2 with mod_negotiation here")
	}
	built, err := exec.Command(bin, "-l").Output()
	must(t, err)
	load := ""
	for _, m := range strings.Fields("mpm_event authz_core authz_host alias dir autoindex mime env headers setenvif rewrite negotiation cgid unixd") {
		if _, err := os.Stat(modules + "mod_" + m + ".so"); err == nil && !strings.Contains(string(built), "mod_"+m+".c") {
			load += "LoadModule " + m + "_module " + modules + "mod_" + m + ".so\n"
		}
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "User www-data\nGroup www-data\n"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	must(t, l.Close())
	conf := filepath.Join(dir, "httpd.conf")
	must(t, os.WriteFile(conf, fmt.Appendf(nil, negotiationConfig, load, dir, port, root, user, negotiationServer), 0o644))
	cmd := exec.Command(bin, "-d", dir, "-f", conf, "-DFOREGROUND")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C"}
	out, err := os.Create(filepath.Join(dir, "out"))
	must(t, err)
	cmd.Stdout, cmd.Stderr = out, out
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		_ = out.Close()
	})
	address = fmt.Sprintf("127.0.0.1:%d", port)
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return address
		}
		time.Sleep(50 * time.Millisecond)
	}
	text, _ := os.ReadFile(filepath.Join(dir, "out"))
	log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
	t.Fatalf("apache2 did not start: %s%s", text, log)
	return ""
}

// plantNegotiation makes the document root.
func plantNegotiation(t *testing.T, root string) {
	t.Helper()
	plant := func(name, text string) {
		p := filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(p), 0o755))
		must(t, os.WriteFile(p, []byte(text), 0o644))
		if text == program {
			must(t, os.Chmod(p, 0o755))
		}
	}
	plant(".htaccess", negotiationRoot)
	for name, text := range negotiationTree {
		if !strings.HasSuffix(name, ".htaccess") && text != program {
			text = name + " " + text
		}
		plant(name, text)
	}
	must(t, os.Symlink("foo.html", filepath.Join(root, "dirs/link.html")))
	must(t, os.Symlink("foo.d", filepath.Join(root, "dirs/bar.html")))
	must(t, os.Symlink("nowhere", filepath.Join(root, "dirs/broken.html")))
}

// negotiated is what an answer comes to, for comparison.
type negotiated struct {
	status int
	body   string // the file's, "" for a page of the server
	fields map[string]string
}

var negotiationFields = []string{"Content-Location", "Tcn", "Alternates", "Vary", "Content-Language", "Content-Encoding", "Content-Type", "Location", "Expires", "X-Tcn"}

func (n *negotiated) String() string {
	s := fmt.Sprintf("%d %q", n.status, n.body)
	for _, f := range negotiationFields {
		if v := n.fields[f]; v != "" {
			s += " " + f + ": " + v
		}
	}
	return s
}

type negotiationRequest struct {
	method, target, version string
	fields                  []Field
}

func (r *negotiationRequest) String() string {
	s := r.method + " " + r.target + " " + r.version
	for _, f := range r.fields {
		s += " | " + f.Name + ": " + f.Value
	}
	return s
}

// ask sends a request to Apache.
func (r *negotiationRequest) ask(t *testing.T, address string) *negotiated {
	t.Helper()
	c, err := net.Dial("tcp", address)
	must(t, err)
	defer func() { _ = c.Close() }()
	must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	head := r.method + " " + r.target + " " + r.version + "\r\nHost: example.com\r\n"
	for _, f := range r.fields {
		head += f.Name + ": " + f.Value + "\r\n"
	}
	_, err = io.WriteString(c, head+"Content-Length: 0\r\n\r\n")
	must(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: r.method})
	must(t, err)
	b, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	n := &negotiated{status: resp.StatusCode, body: string(b), fields: map[string]string{}}
	for _, f := range negotiationFields {
		n.fields[f] = strings.Join(resp.Header.Values(f), " || ")
	}
	return n
}

// decide is what this package makes of the request.
func (r *negotiationRequest) decide(q *Request, site *Site, env Env) *negotiated {
	q.Reset()
	q.Site, q.Env = site, env
	q.Method, q.Target, q.Protocol, q.Host = r.method, r.target, r.version, "example.com"
	q.RemoteAddr, q.LocalAddr = netip.MustParseAddr("127.0.0.1"), "127.0.0.1"
	q.Fields = append(append(q.Fields, Field{"Host", "example.com"}), r.fields...)
	a := q.Run()
	p := &Response{Status: a.Status, Own: a.Kind == AnswerStatus}
	n := &negotiated{status: a.Status, fields: map[string]string{}}
	switch a.Kind {
	case AnswerFile:
		b, err := os.ReadFile(a.Filename)
		if err != nil {
			b = []byte(err.Error())
		}
		n.body, p.ContentType = string(b), a.Meta.ContentType()
		if a.Meta.Encoding != "" {
			p.Fields = append(p.Fields, Field{"Content-Encoding", a.Meta.Encoding})
		}
		if len(a.Meta.Languages) > 0 {
			p.Fields = append(p.Fields, Field{"Content-Language", strings.Join(a.Meta.Languages, ",")})
		}
	case AnswerScript:
		if a.File.Kind != Regular {
			n.status, p.Status, p.Own, p.ContentType = 500, 500, true, "text/html; charset=iso-8859-1"
			break
		}
		n.body, p.ContentType = "ran "+baseName(a.Filename)+"+"+a.PathInfo+"?"+a.Args, "text/plain"
		if len(a.Meta.Languages) > 0 {
			p.Fields = append(p.Fields, Field{"Content-Language", strings.Join(a.Meta.Languages, ",")})
		}
	case AnswerListing, AnswerStatus, AnswerOptions, AnswerProxy, AnswerPending:
		n.body, p.ContentType = a.Text, "text/html; charset=iso-8859-1"
		if a.Location != "" {
			p.Fields = append(p.Fields, Field{"Location", a.Location})
		}
	}
	if r.method == "HEAD" {
		n.body = ""
	}
	a.Respond(p)
	n.fields["Content-Type"] = p.ContentType
	for _, list := range [][]Field{p.Always, p.Fields} {
		for _, f := range list {
			k := http.CanonicalHeaderKey(f.Name)
			if n.fields[k] != "" {
				f.Value = n.fields[k] + " || " + f.Value
			}
			n.fields[k] = f.Value
		}
	}
	return n
}

// same compares, but for the pages that servers make, and dates.
func (n *negotiated) same(got *negotiated) bool {
	if n.fields["Expires"] != "" {
		n.fields["Expires"] = "now"
	}
	if got.fields["Expires"] != "" {
		got.fields["Expires"] = "now"
	}
	if strings.HasPrefix(n.body, "<!DOCTYPE") {
		n.body = ""
	}
	if got.status >= 300 && n.status == got.status && strings.HasPrefix(got.body, "<") {
		got.body = ""
	}
	return n.String() == got.String()
}

// negotiationRequests are random but the same each time.
func negotiationRequests(count int) []negotiationRequest {
	rnd := rand.New(rand.NewSource(4))
	pick := func(list []string) string { return list[rnd.Intn(len(list))] }
	var names []string
	for name := range negotiationTree {
		if strings.HasSuffix(name, ".htaccess") {
			continue
		}
		name = "/" + strings.NewReplacer(" ", "%20").Replace(name)
		names = append(names, name)
		for {
			i := strings.LastIndexByte(name, '.')
			if i <= strings.LastIndexByte(name, '/')+1 {
				break
			}
			name = name[:i]
			names = append(names, name, name, name)
		}
	}
	slices.Sort(names)
	names = append(names, "/idx/", "/idx/two/", "/idx", "/rw/nope", "/rw/front", "/rw/all/missing", "/dirs/link", "/dirs/bar", "/dirs/broken", "/lang/missing", "/fall/missing", "/unk/")
	fields := map[string][]string{
		"Accept":          {"*/*", "text/html", "image/*", "text/html;q=0.5, text/plain", "image/png, image/*;q=0.8, */*;q=0.1", "text/*", "application/x-httpd-php", "image/gif;q=0", "", "text/html;level=3", "text/html, */*", "image/jpeg;q=0.3,image/png;q=0.3", "TEXT/HTML ; Q=0.2"},
		"Accept-Language": {"en", "de", "fr, en;q=0.5", "en-US", "en-us, de;q=0.001", "*", "de;q=0.5, *;q=0.7", "es", "pt-BR, pt;q=0.8", "en-gb", "", "en;q=0", "de, en", "de-at,de;q=0.7"},
		"Accept-Charset":  {"utf-8", "iso-8859-1", "iso-8859-2, *;q=0.1", "utf-8;q=0.5, iso-8859-2", "*;q=0", "utf-8, iso-8859-1;q=0"},
		"Accept-Encoding": {"gzip", "gzip, br", "br", "x-gzip", "identity", "*", "gzip;q=0", "identity;q=0, gzip", "", "gzip;q=0.5, br;q=0.6"},
		"Negotiate":       {"trans", "vlist", "*", "1.0", "foo", "guess-small, 1.0", "trans, *"},
		"X-Prefer":        {"de", "fr", "es"},
		"X-Plain":         {"1"}, "X-Only": {"1"},
	}
	var keys []string
	for k := range fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	chance := map[string]float64{"Accept": 0.5, "Accept-Language": 0.5, "Accept-Charset": 0.2, "Accept-Encoding": 0.3, "Negotiate": 0.12, "X-Prefer": 0.05, "X-Plain": 0.03, "X-Only": 0.03}
	var out []negotiationRequest
	for range count {
		r := negotiationRequest{method: "GET", target: pick(names), version: "HTTP/1.1"}
		switch rnd.Intn(20) {
		case 0:
			r.method = "HEAD"
		case 1:
			r.method = "POST"
		case 2:
			r.version = "HTTP/1.0"
		case 3:
			r.target += "?a=b"
		case 4:
			r.target += "/more/path"
		case 5:
			r.target += "/"
		}
		for _, k := range keys {
			if rnd.Float64() < chance[k] || strings.HasPrefix(r.target, "/env/") && k[0] == 'X' && rnd.Intn(3) == 0 {
				r.fields = append(r.fields, Field{k, pick(fields[k])})
			}
		}
		out = append(out, r)
	}
	return out
}

// TestNegotiationAsApache compares with a real Apache.
func TestNegotiationAsApache(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755)) // Apache is not root
	root := filepath.Join(dir, "htdocs")
	plantNegotiation(t, root)
	address := startApache(t, dir, root)
	site := testSite(t, root)
	site.Base = Compile("Options FollowSymLinks\nRequire all granted\n"+negotiationServer, "server", "/", &Dialect{Server: true})
	if site.Base.Fault != nil {
		t.Fatal(site.Base.Fault)
	}
	site.Names, site.Proxy, site.IsScript = []string{"example.com"}, false, func(h string) bool { return h == "cgi-script" }
	env := folderEnv{&dirEnv{files: map[string]*File{}}}
	count := 4000
	if testing.Short() {
		count = 500
	}
	var q Request
	differences := 0
	for _, r := range negotiationRequests(count) {
		want, got := r.ask(t, address), r.decide(&q, site, env)
		if !want.same(got) {
			if differences++; differences <= 15 {
				t.Errorf("%s\n want %s\n got  %s", &r, want, got)
			}
		}
	}
	t.Logf("%d of %d requests differ", differences, count)
}
