package rewrite

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	replayShow  = flag.Int("replay.show", 0, "differences to print")
	replayCase  = flag.String("replay.case", "", "cases to replay (regular expression)")
	replayMore  = flag.String("replay.more", "", "folder with cases/ and expected/ of your own to replay instead")
	replayLevel = flag.Int("replay.level", 1, "level whose differences are printed")
)

// oracleDir is where the oracle's cases are: beside the repository, or at home.
var oracleDir = func() string {
	if dir := "../../shared/htaccess/"; isFolder(dir) {
		return dir
	}
	return "/work/shared/htaccess/"
}()

func isFolder(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

type replayCaseFile struct {
	Name     string                     `json:"name"`
	Files    map[string]json.RawMessage `json:"files"`
	Requests []replayRequest            `json:"requests"`
}

type replayRequest struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Host    string            `json:"host"`
	Body    string            `json:"body"`
	HTTPS   bool              `json:"https"`
	Headers map[string]string `json:"headers"`
}

type replayAnswer struct {
	Status   int               `json:"status"`
	Kind     string            `json:"kind"`
	Headers  map[string]string `json:"headers"`
	Probe    string            `json:"probe"`
	Static   string            `json:"static"`
	Text     string            `json:"text"`
	InputLen int               `json:"input_len"`
	Cwd      string            `json:"cwd"`
	Listing  []string          `json:"listing"`
	Server   map[string]any    `json:"server"`
}

// TestReplay replays the oracle's cases as far as this package decides them, and
// holds the agreement reached.
func TestReplay(t *testing.T) {
	dir := oracleDir
	if *replayMore != "" {
		dir = *replayMore + "/"
	}
	paths, err := filepath.Glob(dir + "cases/*.json")
	if err != nil || len(paths) == 0 {
		t.Skip("the oracle's cases are not here")
	}
	only := regexp.MustCompile(*replayCase)
	var total, shown int
	var agree [4]int
	for _, p := range paths {
		c, want := loadCase(t, dir, p)
		if !only.MatchString(c.Name) {
			continue
		}
		root := buildCase(t, c)
		run := &replayRun{site: testSite(t, root), env: &dirEnv{files: map[string]*File{}}, root: root}
		run.q.Merger = &Merger{}
		for _, r := range c.Requests {
			w, ok := want[r.ID]
			if !ok {
				continue
			}
			run.env.logs = nil
			got := run.send(&r)
			diffs := compareAnswers(&w, got)
			total++
			least := 4
			for _, d := range diffs {
				least = min(least, d.level)
			}
			for l := 1; l <= 3; l++ {
				if least > l {
					agree[l]++
				}
			}
			if least <= *replayLevel && shown < *replayShow {
				shown++
				t.Logf("%s #%s %s %s %v", c.Name, r.ID, r.Method, r.Path, r.Headers)
				if n := len(run.env.logs); n > 0 {
					t.Log("    ", run.env.logs[n-1])
				}
				for _, d := range diffs {
					if d.level <= *replayLevel {
						t.Logf("    L%d %s: want %.150s got %.150s", d.level, d.what, fmt.Sprint(d.want), fmt.Sprint(d.got))
					}
				}
			}
		}
	}
	percent := func(l int) float64 { return 100 * float64(agree[l]) / float64(max(total, 1)) }
	t.Logf("%d requests: level 1 %.2f%%, level 2 %.2f%%, level 3 %.2f%%", total, percent(1), percent(2), percent(3))
	if *replayCase == "" {
		for l, least := range [4]float64{0, 99.5, 98, 95} {
			if l > 0 && percent(l) < least {
				t.Errorf("level %d: %.2f%% agree, want %.1f%%", l, percent(l), least)
			}
		}
	}
}

func loadCase(t *testing.T, dir, path string) (*replayCaseFile, map[string]replayAnswer) {
	t.Helper()
	var c replayCaseFile
	want := map[string]replayAnswer{}
	for file, into := range map[string]any{path: &c, dir + "expected/" + filepath.Base(path): &want} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatal(file, err)
		}
	}
	return &c, want
}

func buildCase(t *testing.T, c *replayCaseFile) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "htdocs")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1700000000, 0)
	for name, raw := range c.Files {
		p := filepath.Join(root, name)
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(p, 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(p), 0o755))
		text, link := caseContent(t, raw, name, root)
		if link != "" {
			must(t, os.Symlink(link, p))
			continue
		}
		must(t, os.WriteFile(p, []byte(text), 0o644))
		must(t, os.Chtimes(p, at, at))
	}
	return root
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func caseContent(t *testing.T, raw json.RawMessage, name, root string) (text, link string) {
	t.Helper()
	var word string
	if json.Unmarshal(raw, &word) == nil {
		switch word {
		case "probe":
			return "<?php probe", ""
		case "static":
			return "STATIC " + name + "\n", ""
		}
		return "", ""
	}
	var spec struct {
		Corpus, Text, Link, Strip string
		Sub                       map[string]string
		Size                      int
	}
	must(t, json.Unmarshal(raw, &spec))
	switch {
	case spec.Link != "":
		return "", strings.ReplaceAll(spec.Link, "@DOCROOT@", root)
	case spec.Corpus != "":
		b, err := os.ReadFile(oracleDir + "corpus/" + spec.Corpus + ".htaccess")
		must(t, err)
		text = string(b)
		for a, b := range spec.Sub {
			text = strings.ReplaceAll(text, a, b)
		}
		if spec.Strip != "" {
			rx := regexp.MustCompile("(?i)" + spec.Strip)
			lines := strings.Split(text, "\n")
			for i, l := range lines {
				if rx.MatchString(l) {
					lines[i] = "# stripped: " + l
				}
			}
			text = strings.Join(lines, "\n")
		}
	case spec.Size > 0:
		return strings.Repeat("x", spec.Size), ""
	default:
		text = spec.Text
	}
	return strings.ReplaceAll(text, "@DOCROOT@", root), ""
}

type replayRun struct {
	site *Site
	env  *dirEnv
	root string
	q    Request
}

func (run *replayRun) send(r *replayRequest) *replayAnswer {
	q := &run.q
	q.Reset()
	q.Site, q.Env = run.site, run.env
	q.Method, q.Target, q.Protocol = r.Method, r.Path, "HTTP/1.1"
	if q.Method == "" {
		q.Method = "GET"
	}
	q.Host, q.TLS = r.Host, r.HTTPS
	if q.Host == "" {
		q.Host = "example.com"
	}
	q.RemoteAddr, q.LocalAddr = netip.MustParseAddr("127.0.0.1"), "127.0.0.1"
	q.Fields = append(q.Fields, Field{"Host", q.Host})
	hasUA, hasAccept := false, false
	for k, v := range r.Headers {
		hasUA = hasUA || equalFold(k, "user-agent")
		hasAccept = hasAccept || equalFold(k, "accept")
		if k == "User-Agent" && v == "-" {
			continue
		}
		q.Fields = append(q.Fields, Field{k, v})
	}
	if !hasUA {
		q.Fields = append(q.Fields, Field{"User-Agent", "oracle/1"})
	}
	if !hasAccept {
		q.Fields = append(q.Fields, Field{"Accept", "*/*"})
	}
	q.Fields = append(q.Fields, Field{"Connection", "close"})
	body := r.Body != "" || q.Method == "POST" || q.Method == "PUT"
	if body {
		if _, ok := q.header("Content-Type"); !ok {
			q.Fields = append(q.Fields, Field{"Content-Type", "application/x-www-form-urlencoded"})
		}
		q.Fields = append(q.Fields, Field{"Content-Length", strconv.Itoa(len(r.Body))})
	}
	if strings.ContainsAny(r.Path, " \t") {
		return &replayAnswer{Status: 400, Kind: "error"}
	}
	return run.answer(q.Run(), r)
}

func (run *replayRun) answer(a *Answer, r *replayRequest) *replayAnswer {
	out := &replayAnswer{Status: a.Status, Headers: map[string]string{}, Kind: "error"}
	p := &Response{Status: a.Status, ModTime: a.File.ModTime}
	switch a.Kind {
	case AnswerScript:
		run.script(a, r, out, p)
	case AnswerFile:
		b, err := os.ReadFile(a.Filename)
		if err != nil {
			out.Text = err.Error()
		}
		p.ContentType = a.Meta.ContentType()
		p.Fields = append(p.Fields, Field{"ETag", "present"}, Field{"Last-Modified", "file-mtime"})
		if e := a.Config.ETag(); e == "none" {
			p.Fields = removeField(p.Fields, "ETag")
		}
		if a.Meta.Encoding != "" {
			p.Fields = append(p.Fields, Field{"Content-Encoding", a.Meta.Encoding})
		}
		if len(a.Meta.Languages) > 0 {
			p.Fields = append(p.Fields, Field{"Content-Language", strings.Join(a.Meta.Languages, ",")})
		}
		out.Kind, out.Static, out.Text = bodyKind(string(b))
	case AnswerOptions:
		out.Kind, p.ContentType = "empty", a.Meta.ContentType()
		if r.Path != "*" {
			p.Fields = append(p.Fields, Field{"Allow", "GET,POST,OPTIONS,HEAD"})
		}
	case AnswerListing:
		out.Kind, p.ContentType = "listing", "text/html;charset=ISO-8859-1"
		p.Fields = nil
	case AnswerStatus, AnswerProxy, AnswerPending:
		p.Own = true
		p.ContentType = "text/html; charset=iso-8859-1"
		out.Text = a.Text
		if a.Status == 200 {
			out.Kind = "other"
		}
		if a.Kind == AnswerProxy {
			// The oracle's Apache has no mod_proxy_http.
			out.Status, p.Status, a.Location = 500, 500, ""
		}
		if a.Location != "" {
			p.Fields = append(p.Fields, Field{"Location", a.Location})
		}
		if a.Status == 405 && r.Method != "TRACE" {
			p.Always = append(p.Always, Field{"Allow", "GET,POST,OPTIONS,HEAD"})
		}
		if a.WWWAuthenticate != "" {
			p.Fields = append(p.Fields, Field{"WWW-Authenticate", a.WWWAuthenticate})
		}
	}
	if a.Method == "HEAD" || r.Method == "HEAD" {
		out.Kind, out.Static = "head", ""
	}
	a.Respond(p)
	run.deflate(a, p)
	run.headers(p, out)
	return out
}

// deflate stands for mod_deflate, which leaves small files alone.
func (run *replayRun) deflate(a *Answer, p *Response) {
	if a.Kind != AnswerScript || !slices.Contains(a.Config.OutputFilters(p.ContentType, a.Filename), "DEFLATE") {
		return
	}
	has := func(name string) bool {
		for _, e := range a.Env {
			if equalFold(e.Name, name) {
				return true
			}
		}
		return false
	}
	if p.get("Content-Encoding") != "" || has("no-gzip") {
		return
	}
	mergeVary(p, "Accept-Encoding")
	if accept, _ := run.q.header("Accept-Encoding"); strings.Contains(accept, "gzip") && a.Method != "HEAD" {
		p.Fields = append(p.Fields, Field{"Content-Encoding", "gzip"})
	}
}

func bodyKind(b string) (kind, static, text string) {
	switch {
	case b == "":
		return "empty", "", ""
	case strings.HasPrefix(b, "STATIC "):
		s, _, _ := strings.Cut(b[7:], "\n")
		return "static", s, ""
	}
	return "other", "", b[:min(200, len(b))]
}

func (run *replayRun) headers(p *Response, out *replayAnswer) {
	if p.ContentType != "" {
		out.Headers["content-type"] = p.ContentType
	}
	now := run.env.Now()
	for _, list := range [][]Field{p.Always, p.Fields} {
		for _, f := range list {
			k, v := toLower(f.Name), strings.ReplaceAll(f.Value, run.root, "@DOCROOT@")
			if k == "expires" {
				if at, err := time.Parse(time.RFC1123, v); err == nil {
					if d := int64(at.Sub(now) / time.Second); d < 10*365*86400 && d > -10*365*86400 {
						v = fmt.Sprintf("date%+d", d)
					}
				}
			}
			if k == "set-cookie" {
				v = regexp.MustCompile(`expires=[^;,]+,[^;,]+`).ReplaceAllString(v, "expires=T")
			}
			if old, ok := out.Headers[k]; ok {
				v = old + ", " + v
			}
			out.Headers[k] = v
		}
	}
}

// script is what PHP (through mod_proxy_fcgi and FPM) would see and say.
func (run *replayRun) script(a *Answer, r *replayRequest, out *replayAnswer, p *Response) {
	p.ContentType = "text/html; charset=UTF-8"
	if a.File.Kind != Regular {
		out.Status, p.Status = 404, 404
		return
	}
	b, err := os.ReadFile(a.Filename)
	if err != nil || string(b) != "<?php probe" {
		out.Kind, out.Static, out.Text = bodyKind(string(b))
		return
	}
	out.Kind = "probe"
	p.ContentType = "application/json"
	if i := strings.Index(a.Args, "__status="); i >= 0 {
		if n := int(atoi(a.Args[i+9:])); n != 200 {
			out.Status, p.Status = n, n
		}
	}
	out.Probe = strings.TrimPrefix(a.Filename, run.root)
	out.Cwd = strings.ReplaceAll(filepath.Dir(a.Filename), run.root, "@DOCROOT@")
	if a.Method == r.Method || (r.Method == "" && a.Method == "GET") {
		out.InputLen = len(r.Body)
	}
	out.Server = map[string]any{}
	for k, v := range run.variables(a) {
		out.Server[k] = strings.ReplaceAll(string([]rune(v)), run.root, "@DOCROOT@")
	}
}

func (run *replayRun) variables(a *Answer) map[string]string {
	q := &run.q
	v := map[string]string{}
	for _, e := range a.Env {
		v[e.Name] = e.Value
	}
	for _, f := range q.Fields {
		k := strings.ReplaceAll(toUpper(f.Name), "-", "_")
		switch k {
		case "CONTENT_TYPE", "CONTENT_LENGTH":
			v[k] = f.Value
		case "AUTHORIZATION", "PROXY":
			if a.PassAuth && k == "AUTHORIZATION" {
				v["HTTP_AUTHORIZATION"] = f.Value
			}
		default:
			v["HTTP_"+k] = f.Value
		}
	}
	name := strings.TrimSuffix(a.URI, a.PathInfo)
	for k, s := range map[string]string{
		"CONTEXT_DOCUMENT_ROOT": run.root, "CONTEXT_PREFIX": "", "DOCUMENT_ROOT": run.root,
		"GATEWAY_INTERFACE": "CGI/1.1", "PHP_SELF": name + a.PathInfo, "QUERY_STRING": a.Args,
		"REQUEST_METHOD": a.Method, "REQUEST_SCHEME": q.scheme(), "REQUEST_URI": q.Target,
		"SCRIPT_FILENAME": a.Filename, "SCRIPT_NAME": name, "SERVER_NAME": q.serverName(), "SERVER_PROTOCOL": q.Protocol,
	} {
		v[k] = s
	}
	if a.PathInfo != "" {
		v["PATH_INFO"], v["PATH_TRANSLATED"] = a.PathInfo, a.PathTranslated()
	}
	if a.User != "" {
		v["REMOTE_USER"], v["AUTH_TYPE"] = a.User, a.AuthType
	}
	if a.RemoteHost != "" {
		v["REMOTE_HOST"] = a.RemoteHost
	}
	if q.TLS {
		v["HTTPS"] = "on"
	}
	if s, ok := strings.CutPrefix(v["HTTP_AUTHORIZATION"], "Basic "); ok {
		if b, err := base64.StdEncoding.DecodeString(s); err == nil {
			if user, pw, ok := strings.Cut(string(b), ":"); ok {
				v["PHP_AUTH_USER"], v["PHP_AUTH_PW"] = user, pw
			}
		}
	}
	if a.Method != q.Method && v["CONTENT_LENGTH"] != "" {
		v["CONTENT_LENGTH"] = "0"
	}
	return v
}
