//go:build linux

package integration

import (
	"crypto/md5"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// asyncPerl is a FastCGI program that takes many requests on one connection, by
// Net::Async::FastCGI, whose author has read the specification for himself. It
// answers after as many milliseconds as the query says, in pieces, with the digest
// of what it was sent and how many requests it had at once.
const asyncPerl = `use strict; use warnings;
use IO::Async::Loop; use IO::Async::Timer::Countdown; use Net::Async::FastCGI;
use IO::Socket::UNIX; use Digest::MD5 qw(md5_hex);
my $loop = IO::Async::Loop->new;
my ($now, $most, $connections) = (0, 0, 0);
my $fastcgi = Net::Async::FastCGI->new(
	default_encoding => undef,
	on_request => sub {
		my ($f, $req) = @_;
		$now++; $most = $now if $now > $most;
		my $body = ''; while (defined(my $piece = $req->read_stdin)) { $body .= $piece; }
		my ($ms) = $req->query_string =~ /ms=(\d+)/;
		my $id = $req->query_string;
		$req->print_stdout("Content-Type: text/plain\r\n\r\n");
		$loop->add(IO::Async::Timer::Countdown->new(delay => ($ms || 0) / 1000, remove_on_expire => 1, on_expire => sub {
			$req->print_stdout("$id ");
			$req->print_stdout(md5_hex($body) . " " . length($body) . " most=$most");
			$now--;
			$req->finish(0);
		})->start);
	});
$loop->add($fastcgi);
my $socket = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 100) or die "$ARGV[0]: $!";
$fastcgi->listen(handle => $socket);
$loop->run;
`

// TestMultiplexedPerl: hundreds of requests at a time on one connection to a
// program that is not of Go's making, found out by GET_VALUES.
func TestMultiplexedPerl(t *testing.T) {
	perl := tool(t, "perl")
	if out, err := exec.Command(perl, "-MNet::Async::FastCGI", "-e1").CombinedOutput(); err != nil {
		missing(t, "Perl's Net::Async::FastCGI: "+string(out))
	}
	dir := workDir(t)
	program, socket := filepath.Join(dir, "app.pl"), filepath.Join(dir, "app.sock")
	writeFile(t, program, asyncPerl)
	app := startProcess(t, dir, "perl", exec.Command(perl, program, socket))
	awaitListening(t, app, "unix", socket)
	s := startSluiceConf(t, fmt.Sprintf("listen = [\"{addr}\"]\n[[site]]\nroot = %q\nfastcgi = \"unix:%s conns=1\"\n[site.php]\nuse = \"off\"\n", makeDir(t, filepath.Join(dir, "www")), socket))

	const requests = 300
	var all []<-chan answer
	body := func(i int) string { return strings.Repeat(fmt.Sprintf("%d.", i), i*20) }
	for i := range requests {
		method, content := "GET", ""
		if i%3 == 0 {
			method, content = "POST", body(i)
		}
		all = append(all, inFlight(s, method, fmt.Sprintf("/x?ms=%d&id=%d", 1000+i%7*50, i), content))
	}
	most := 0
	for i, ch := range all {
		a := await(t, fmt.Sprintf("request %d", i), ch, 60*time.Second)
		content := ""
		if i%3 == 0 {
			content = body(i)
		}
		want := fmt.Sprintf("ms=%d&id=%d %x %d most=", 1000+i%7*50, i, md5.Sum([]byte(content)), len(content))
		if a.status != http.StatusOK || !strings.HasPrefix(a.body, want) {
			t.Fatalf("request %d: status %d %s, want %q", i, a.status, excerpt(a.body), want)
		}
		var n int
		if _, err := fmt.Sscanf(a.body[strings.LastIndex(a.body, "=")+1:], "%d", &n); err != nil {
			t.Fatal(err)
		}
		most = max(most, n)
	}
	if most < 100 {
		t.Errorf("the program had no more than %d requests at once on its connection", most)
	}
	t.Logf("%d requests at once on one connection", most)
}
