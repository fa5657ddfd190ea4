//go:build unix

package gateway

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/fcgi"
	"sluice/loop"
)

// perlServer serves with Perl's FCGI module (libfcgi), in three processes. A pid
// and the number of the request in its process are in the answer's head.
const perlServer = `use FCGI;
my $socket = FCGI::OpenSocket($ARGV[0], 100);
for (1..2) { last unless fork }
my (%env, $n);
my $in = IO::Handle->new; my $out = IO::Handle->new; my $err = IO::Handle->new;
my $r = FCGI::Request($in, $out, $err, \%env, $socket, FCGI::FAIL_ACCEPT_ON_INTR);
while ($r->Accept() >= 0) {
	my $body = '';
	while (length($body) < ($env{CONTENT_LENGTH} || 0)) {
		read($in, $body, $env{CONTENT_LENGTH} - length($body), length($body)) or last;
	}
	$n++;
	print $err "warning of $env{QUERY_STRING}\n" if $n % 10 == 0;
	print $out "Content-Type: text/plain\r\nX-Worker: $$ $n\r\n\r\n$env{REQUEST_METHOD} $env{QUERY_STRING}:$body";
}
`

// startPerl runs a FastCGI program by Perl's FCGI, and answers its socket.
func startPerl(t *testing.T, program string) string {
	t.Helper()
	perl, err := exec.LookPath("perl")
	if err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command(perl, "-MFCGI", "-e1").CombinedOutput(); err != nil {
		t.Skipf("perl without FCGI (libfcgi-perl): %s", out)
	}
	dir, err := os.MkdirTemp("", "gw") //nolint:usetesting // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	cmd := exec.Command(perl, "-MFCGI", "-MIO::Handle", "-e", program, path)
	cmd.Stderr = os.Stderr
	endWithTest(t, cmd)
	waitFor(t, path)
	return path
}

func waitFor(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not appear", path)
		}
	}
}

// Perl's FCGI says that it does not multiplex, and is believed.
func TestPerl(t *testing.T) {
	path := startPerl(t, perlServer)
	engines(t, func(t *testing.T, e loop.Engine) {
		f := startOn(t, e, fcgi.Options{Servers: []fcgi.Server{{Network: "unix", Address: path, Conns: 3, Mux: fcgi.MuxAuto}}}, settings{})
		for round := range 5 {
			var list []*client
			var want []string
			for i := range 60 {
				token := fmt.Sprintf("t%d-%d", round, i)
				if i%2 == 0 {
					list = append(list, f.get(token))
					want = append(want, "GET "+token+":")
					continue
				}
				content := random(i * 1100)
				list = append(list, f.post(token, []byte(content)))
				want = append(want, "POST "+token+":"+content)
			}
			for i, c := range list {
				c.gets(200, want[i])
			}
		}
		st := f.pool.States()[0]
		if st.Multiplexes != "single" || st.InUse > 3 {
			t.Errorf("%+v", st)
		}
		// Its connections were kept: some process has served many.
		c := f.get("last").gets(200, "GET last:")
		_, n, _ := strings.Cut(strings.TrimSpace(c.fields[strings.Index(c.fields, "X-Worker:")+10:]), " ")
		if k, err := strconv.Atoi(n); err != nil || k < 50 {
			t.Errorf("the worker's request number is %q", n)
		}
		f.on(f.lp.Close)
		f.eventually("all connections are given back", func() bool { return f.pool.InUse() == 0 })
	})
}
