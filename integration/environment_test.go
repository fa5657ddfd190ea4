//go:build linux

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// bytes is the request as it goes to one server.
func (p probe) bytes(s *server) (method, text string) {
	method, version, host := p.method, p.version, p.host
	if method == "" {
		method = "GET"
	}
	if version == "" {
		version = "HTTP/1.1"
	}
	if host == "" {
		host = s.addr
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\nHost: %s\r\nConnection: close\r\n", method, p.target, version, host)
	framed := false
	for _, line := range p.lines {
		b.WriteString(line + "\r\n")
		framed = framed || strings.HasPrefix(line, "Transfer-Encoding:")
	}
	if p.body != "" && !framed {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(p.body))
	}
	return method, b.String() + "\r\n" + p.body
}

// facts are what PHP saw of one probe: the members of $_SERVER by their names,
// other things (body, form, folder) by names in parentheses.
type facts map[string]string

// absent stands for a variable that is not there.
const absent = "(absent)"

func (f facts) value(key string) string {
	if v, ok := f[key]; ok {
		return v
	}
	return absent
}

// never are variables that say when, not what.
var never = []string{"REQUEST_TIME", "REQUEST_TIME_FLOAT", "REMOTE_PORT"}

// ask sends a probe and puts {port} for the server's own port.
func (p probe) ask(t *testing.T, s *server) facts {
	t.Helper()
	method, text := p.bytes(s)
	a := raw(t, s.addr, method, text)
	f := facts{"(status)": fmt.Sprint(a.status)}
	if method == "HEAD" {
		f["(body)"] = fmt.Sprint(len(a.body), " bytes, type ", a.header.Get("Content-Type"), ", input ", a.header.Get("X-Probe"))
		return f
	}
	if a.status != http.StatusOK {
		return f
	}
	var seen struct {
		Server            map[string]any
		Get, Post, Cookie any
		Input, File, Cwd  string
	}
	d := json.NewDecoder(strings.NewReader(a.body))
	if err := d.Decode(&seen); err != nil {
		t.Fatalf("%s, %s: %v: %s", s.kind, p.name, err, excerpt(a.body))
	}
	for name, value := range seen.Server {
		if !slices.Contains(never, name) {
			f[name] = strings.ReplaceAll(fmt.Sprint(value), s.port(), "{port}")
		}
	}
	f["(get)"], f["(post)"], f["(cookie)"] = fmt.Sprint(seen.Get), fmt.Sprint(seen.Post), fmt.Sprint(seen.Cookie)
	f["(input)"], f["(file)"], f["(cwd)"] = seen.Input, seen.File, seen.Cwd
	return f
}

// environmentRoot is the document root of the probes.
func environmentRoot(t *testing.T) string {
	t.Helper()
	root := filepath.Join(workDir(t), "www")
	for _, dir := range []string{"", "with space", "café", "a+b", "odd(1)[2]:3"} {
		writeFile(t, filepath.Join(root, dir, "env.php"), envScript)
	}
	writeFile(t, filepath.Join(root, "sub", "index.php"), envScript)
	return root
}

// TestEnvironment sends the same requests to nginx, Apache and sluice over one
// folder. Where $_SERVER differs, the table of differences must say so.
func TestEnvironment(t *testing.T) {
	if len(probes) < 40 {
		t.Fatalf("%d probes, want 40", len(probes))
	}
	// What the workers inherit must not depend on who runs the tests.
	t.Setenv("LANG", "C.UTF-8")
	t.Setenv("USER", "")
	t.Setenv("DATABASE_PASSWORD", "of who runs sluice") // a difference, should PHP see it
	st := site{root: environmentRoot(t)}
	fpm := startFPM(t, st)
	nginx, apache, own := startNginx(t, st, fpm), startApache(t, st, fpm), startSluice(t, st)
	used := make([]bool, len(differences))
	for _, p := range probes {
		n, a, s := p.ask(t, nginx), p.ask(t, apache), p.ask(t, own)
		for _, key := range allKeys(n, a, s) {
			values := triple{nginx: n.value(key), apache: a.value(key), sluice: s.value(key), root: st.root}
			i := slices.IndexFunc(differences, func(d difference) bool { return d.covers(p.name, key) })
			same := values.nginx == values.apache && values.apache == values.sluice
			if same && (i < 0 || differences[i].follows != asNobody) {
				continue
			}
			if i < 0 {
				t.Errorf("%s: %s is %q; nginx has %q, Apache %q", p.name, key, values.sluice, values.nginx, values.apache)
				continue
			}
			used[i] = true
			if differences[i].follows == asWorker {
				if fault := workerFault(key, values.sluice); fault != "" {
					t.Errorf("%s: %s is %q in the worker, %s", p.name, key, values.sluice, fault)
				}
				continue
			}
			if want := differences[i].expected(values); values.sluice != want {
				t.Errorf("%s: %s is %q, by the table %q; nginx has %q, Apache %q", p.name, key, values.sluice, want, values.nginx, values.apache)
			}
		}
	}
	for i, d := range differences {
		if !used[i] {
			t.Errorf("no probe shows the difference of %v: take it out of the table", d.keys)
		}
	}
}

// triple is one variable in the three environments.
type triple struct {
	nginx, apache, sluice string
	root                  string
}

func allKeys(all ...facts) []string {
	var keys []string
	for _, f := range all {
		for key := range f {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// covers says whether the difference is about this variable in this probe.
func (d difference) covers(probe, key string) bool {
	return slices.Contains(d.keys, key) && (len(d.probes) == 0 || slices.Contains(d.probes, probe))
}

// expected is what sluice must have.
func (d difference) expected(v triple) string {
	switch d.follows {
	case asNginx:
		return v.nginx
	case asApache:
		return v.apache
	case asWorker:
		return v.sluice // workerFault judges it
	case asNobody:
		return strings.ReplaceAll(d.value, "{root}", v.root)
	default:
		panic("integration: difference follows nobody known: " + string(d.follows))
	}
}

// workerFault says what is wrong with a variable of the worker's own process: it has
// sluice's value or none, and what steers it at its start is no script's business
// (seen all the same where the system keeps sluice from hiding it).
func workerFault(key, value string) string {
	outer, set := os.LookupEnv(key)
	startOnly := strings.HasPrefix(key, "PHP_") || strings.HasPrefix(key, "LC_") || strings.HasPrefix(key, "LANG")
	switch {
	case value == absent && (startOnly || !set && key != "PATH"):
		return ""
	case strings.HasPrefix(key, "PHP_FCGI_"):
		if n, err := strconv.Atoi(value); err != nil || n < 1 {
			return "want a number or nothing"
		}
	case key == "PHP_INI_SCAN_DIR":
		if own, folder, ok := strings.Cut(value, string(os.PathListSeparator)); !ok || own != outer || !filepath.IsAbs(folder) {
			return "want php's own folder and sluice's, or nothing"
		}
	case key == "PATH" && (value == "" || value == absent):
		return "programs that scripts start would not be found"
	case set && value != outer:
		return fmt.Sprintf("want sluice's own %q", outer)
	case !set && key != "PATH":
		return "want nothing, as sluice has none"
	}
	return ""
}

// environmentDoc is the page whose table is made from differences.
const environmentDoc = "../docs/environment.md"

// TestEnvironmentDoc keeps the page and the table the same. UPDATE_DOCS=1
// writes the page anew.
func TestEnvironmentDoc(t *testing.T) {
	page, err := os.ReadFile(environmentDoc)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- differences: begin -->\n", "<!-- differences: end -->\n"
	i, j := bytes.Index(page, []byte(begin)), bytes.Index(page, []byte(end))
	if i < 0 || j < i {
		t.Fatalf("%s has no place for the table", environmentDoc)
	}
	want := slices.Concat(page[:i+len(begin)], []byte(differencesTable()), page[j:])
	if bytes.Equal(page, want) {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" {
		t.Fatalf("%s is not what the table of differences says; UPDATE_DOCS=1 go test -run EnvironmentDoc ./integration", environmentDoc)
	}
	if err := os.WriteFile(environmentDoc, want, 0o644); err != nil {
		t.Fatal(err)
	}
}

func differencesTable() string {
	var b strings.Builder
	b.WriteString("| variable | in which requests | sluice has | why |\n| --- | --- | --- | --- |\n")
	for _, d := range differences {
		where := "all that have it"
		if len(d.probes) > 0 {
			where = strings.Join(d.probes, "; ")
		}
		has := map[model]string{
			asNginx: "what nginx has", asApache: "what Apache has", asNobody: "`" + d.value + "`", asWorker: "the worker's own value",
		}[d.follows]
		if d.value == absent {
			has = "nothing"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", strings.Join(d.keys, "`, `"), where, has, d.why)
	}
	return b.String()
}
