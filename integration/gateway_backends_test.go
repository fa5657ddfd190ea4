//go:build linux

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// backend is one application behind the gateway.
type backend struct {
	name string
	// heading is its part of docs/backends.md.
	heading string
	// host and base are the address of its program; no host is the default site.
	host, base string
	// env is what it must say of a request for base + "/deep/er%20x", besides
	// what all must say.
	env map[string]string
	// network and addr are where it listens; "" where nothing does (CGI).
	network, addr string
	// start makes the command that runs it.
	start func(t testing.TB) *exec.Cmd
	proc  *process
	dir   string
}

// gatewayBackends are all that the page tells of.
func gatewayBackends(s *stand) []*backend {
	deep := func(script, info string) map[string]string {
		return map[string]string{"SCRIPT_NAME": script, "PATH_INFO": info}
	}
	fpm := func(addr string) func(t testing.TB) *exec.Cmd {
		return func(t testing.TB) *exec.Cmd { return poolCommand(t, pool{listen: addr, children: 4}) }
	}
	command := func(heading string) func(t testing.TB) *exec.Cmd {
		return func(t testing.TB) *exec.Cmd { return s.command(t, heading) }
	}
	return []*backend{
		{
			name: "php-fpm-unix", heading: "php-fpm", base: "/fpm/app.php", env: deep("/fpm/app.php", "/deep/er x"),
			network: "unix", addr: s.run("php/fpm.sock"), start: fpm(s.run("php/fpm.sock")),
		},
		{
			name: "php-fpm-tcp", heading: "php-fpm", base: "/fpm-tcp/app.php", env: deep("/fpm-tcp/app.php", "/deep/er x"),
			network: "tcp", addr: s.replaced["127.0.0.1:9000"], start: fpm(s.replaced["127.0.0.1:9000"]),
		},
		{
			name: "perl", heading: "Perl", base: "/perl/app", env: deep("/perl", "/app/deep/er x"),
			network: "unix", addr: s.run("perl.sock"), start: command("Perl"),
		},
		{
			name: "ruby", heading: "Ruby", base: "/ruby/app", env: deep("/ruby", "/app/deep/er x"),
			network: "unix", addr: s.run("ruby.sock"), start: command("Ruby"),
		},
		{
			name: "go", heading: "Go", base: "/go/app", env: map[string]string{"URL_PATH": "/go/app/deep/er x"},
			network: "tcp", addr: s.replaced["127.0.0.1:9100"], start: command("Go"),
		},
		{
			name: "aspx", heading: "ASP.NET", host: "aspx.example.org", base: "/app.aspx",
			env: map[string]string{
				"SERVER_NAME": "aspx.example.org", "Request.FilePath": "/app.aspx", "Request.PathInfo": "/deep/er x",
				"Request.ApplicationPath": "/", "Request.UserHostAddress": "127.0.0.1",
			},
			network: "unix", addr: s.run("aspx.sock"), start: command("ASP.NET"),
		},
		{
			name: "cgi", heading: "CGI", base: "/cgi/cgi-bin/app.pl", env: deep("/cgi/cgi-bin/app.pl", "/deep/er x"),
		},
	}
}

// command is the page's own way to start a backend.
func (s *stand) command(t testing.TB, heading string) *exec.Cmd {
	t.Helper()
	words := strings.Fields(s.sections[heading].command)
	if len(words) == 0 {
		t.Fatalf("%s has no command under %q", backendsPage, heading)
	}
	if !filepath.IsAbs(words[0]) {
		words[0] = tool(t, words[0])
	}
	cmd := exec.Command(words[0], words[1:]...)
	// mono keeps what it has compiled in its temporary folder, and more at home.
	cmd.Env = append(os.Environ(), "TMPDIR="+s.dir, "HOME="+s.dir)
	return cmd
}

// needLibraries makes sure of what the programs ask for, and builds Go's.
func (s *stand) needLibraries(t testing.TB) {
	t.Helper()
	for _, check := range [][]string{{"perl", "-MFCGI", "-e1"}, {"ruby", "-rfcgi", "-e1"}} {
		if out, err := exec.Command(tool(t, check[0]), check[1:]...).CombinedOutput(); err != nil {
			missing(t, fmt.Sprintf("%s (%v: %s)", strings.Join(check, " "), err, excerpt(string(out))))
		}
	}
	out, err := exec.Command("go", "build", "-o", s.srv("go/app"), "./testdata/gateway/go").CombinedOutput()
	if err != nil {
		t.Fatalf("integration: go build testdata/gateway/go: %v\n%s", err, out)
	}
	script, err := os.ReadFile("testdata/gateway/perl/app.pl")
	if err != nil {
		t.Fatal(err)
	}
	cgi := s.srv("cgi/cgi-bin/app.pl")
	writeFile(t, cgi, string(script))
	if err := os.Chmod(cgi, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, language := range []string{"perl", "ruby", "go"} {
		writeFile(t, s.srv(language+"/public/style.css"), "body { color: "+language+" }\n")
	}
}

// up starts the backend and waits until it listens.
func (b *backend) up(t testing.TB) {
	t.Helper()
	if b.start == nil {
		return
	}
	if b.dir == "" {
		b.dir = workDir(t)
	}
	b.proc = startProcess(t, b.dir, b.name, b.start(t))
	awaitListening(t, b.proc, b.network, b.addr)
}

// kill ends it and all its children at once, as a machine does that fails.
func (b *backend) kill(t testing.TB) { killGroup(t, b.proc) }

// killGroup ends a process and its children, which are its process group.
func killGroup(t testing.TB, p *process) {
	t.Helper()
	children := descendants(p.pid())
	if err := syscall.Kill(-p.pid(), syscall.SIGKILL); err != nil {
		t.Fatalf("integration: SIGKILL to %s: %v", p.name, err)
	}
	if _, ok := p.waitGone(10 * time.Second); !ok {
		t.Fatalf("integration: %s outlives SIGKILL", p.name)
	}
	gone := func() bool {
		return !slices.ContainsFunc(children, procID.alive)
	}
	if !eventually(10*time.Second, gone) {
		t.Fatalf("integration: children of %s outlive SIGKILL", p.name)
	}
}
