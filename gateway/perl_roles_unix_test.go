//go:build unix

package gateway

import (
	"fmt"
	"strings"
	"testing"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/loop"
	"sluice/message"
)

// perlRoles is an application of all three roles by Perl's FCGI (libfcgi), which
// says the role in FCGI_ROLE.
const perlRoles = `use FCGI;
my $socket = FCGI::OpenSocket($ARGV[0], 100);
my %env;
my $in = IO::Handle->new; my $out = IO::Handle->new; my $err = IO::Handle->new;
my $r = FCGI::Request($in, $out, $err, \%env, $socket, FCGI::FAIL_ACCEPT_ON_INTR);
my $n = 0;
while ($r->Accept() >= 0) {
	$n++;
	if ($env{FCGI_ROLE} eq 'AUTHORIZER') {
		if (($env{HTTP_COOKIE} || '') =~ /^user=(\w+)$/) {
			print $out "Status: 200 OK\r\nVariable-REMOTE_USER: $1\r\nVariable-N: $n\r\n\r\n";
		} else {
			print $out "Status: 401 Unauthorized\r\nWWW-Authenticate: Cookie\r\n\r\nno";
		}
		next;
	}
	my ($body, $data) = ('', '');
	while (read($in, $body, 4096, length($body))) {}
	if ($env{FCGI_ROLE} eq 'FILTER') {
		$r->StartFilterData();
		while (read($in, $data, 4096, length($data))) {}
	}
	print $out "X-N: $n\r\nContent-Type: text/plain\r\n\r\n$env{FCGI_ROLE} user=$env{REMOTE_USER} $env{FCGI_DATA_LENGTH} $env{FCGI_DATA_LAST_MOD} $body|" . uc($data);
}
`

func startPerlRoles(t *testing.T) *fixture {
	t.Helper()
	path := startPerl(t, perlRoles)
	return startOn(t, loop.Auto, fcgi.Options{Servers: []fcgi.Server{{Network: "unix", Address: path, Conns: 1}}}, settings{})
}

// All three roles in turn on one kept connection to a foreign implementation.
func TestPerlRoles(t *testing.T) {
	f := startPerlRoles(t)
	for i := range 20 {
		user := fmt.Sprintf("u%d", i)
		env := cgi.Environment{Request: &message.Request{Method: []byte("GET"), Minor: 1, Fields: []message.Field{{Name: []byte("Cookie"), Value: []byte("user=" + user)}}}}
		yes := f.authorize("x", env)
		if !yes.allowed || len(yes.vars) != 2 || yes.vars[0].Value != user {
			t.Fatalf("let through: %v with %v; %+v", yes.allowed, yes.vars, yes.failure)
		}
		if want := fmt.Sprint(5*i + 1); yes.vars[1].Value != want { // no new process, no lost request
			t.Errorf("request number %s, want %s", yes.vars[1].Value, want)
		}
		if no := f.authorize("x", cgi.Environment{}); no.allowed || no.status != 401 || no.body.String() != "no" {
			t.Fatalf("let through: %v; %d %q", no.allowed, no.status, no.body.String())
		}
		c := f.client("GET", "x")
		f.on(func() {
			c.r.Override = yes.vars
			c.r.Start(false)
		})
		c.gets(200, "RESPONDER user="+user+"   |")

		text, content := strings.Repeat("abc ", 1+i*20_000), random(i*5000)
		file := openFile(t, text)
		f.filter(&content, Data{File: file, Length: int64(len(text)), ModTime: 7}).gets(200, fmt.Sprintf("FILTER user= %d 7 %s|%s", len(text), content, strings.ToUpper(text)))
		f.filter(nil, Data{Content: []byte("def")}).gets(200, "FILTER user= 3 0 |DEF")
	}
	if n := f.pool.InUse(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
