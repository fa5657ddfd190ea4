//go:build linux

package integration

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rolesPerl is a FastCGI program of all three roles by libfcgi (FCGI.pm): it lets
// in who has the right cookie, answers requests, and turns files to upper case.
const rolesPerl = `use strict; use warnings; use FCGI; use IO::Handle;
my $socket = FCGI::OpenSocket($ARGV[0], 100);
my (%env, $in, $out, $err); ($in, $out, $err) = (IO::Handle->new, IO::Handle->new, IO::Handle->new);
my $r = FCGI::Request($in, $out, $err, \%env, $socket, FCGI::FAIL_ACCEPT_ON_INTR);
while ($r->Accept() >= 0) {
	my $role = $env{FCGI_ROLE};
	if ($role eq 'AUTHORIZER') {
		if (($env{HTTP_COOKIE} || '') =~ /^member=(\w+)$/) {
			print $out "Status: 200 OK\r\nVariable-REMOTE_USER: $1\r\n\r\n";
		} else {
			print $out "Status: 403 Forbidden\r\nContent-Type: text/plain\r\n\r\nmembers only";
		}
		next;
	}
	my ($body, $data) = ('', '');
	while (read($in, $body, 4096, length($body))) {}
	if ($role eq 'FILTER') {
		$r->StartFilterData();
		while (read($in, $data, 4096, length($data))) {}
	}
	print $out "Content-Type: text/plain\r\n\r\n", uc($data), $body;
}
`

// TestRoles: a FastCGI authorizer before PHP and files, and a filter, in a real
// configuration.
func TestRoles(t *testing.T) {
	perl := tool(t, "perl")
	if out, err := exec.Command(perl, "-MFCGI", "-e1").CombinedOutput(); err != nil {
		missing(t, "Perl's FCGI: "+string(out))
	}
	dir := workDir(t)
	root := filepath.Join(dir, "www")
	program, socket := filepath.Join(dir, "roles.pl"), filepath.Join(dir, "roles.sock")
	text := strings.Repeat("some words ", 30_000)
	writeFile(t, program, rolesPerl)
	writeFile(t, filepath.Join(root, "members/who.php"), `<?php echo "user=", $_SERVER["REMOTE_USER"] ?? "nobody", " ", file_get_contents("php://input");`)
	writeFile(t, filepath.Join(root, "who.php"), `<?php echo "user=", $_SERVER["REMOTE_USER"] ?? "nobody";`)
	writeFile(t, filepath.Join(root, "members/list.txt"), "the list")
	writeFile(t, filepath.Join(root, "page.tpl"), text)
	app := startProcess(t, dir, "perl", exec.Command(perl, program, socket))
	awaitListening(t, app, "unix", socket)
	s := startSluiceConf(t, fmt.Sprintf("listen = [\"{addr}\"]\n[[site]]\nroot = %q\n[site.php]\nworkers = 2\n[site.authorizers]\n\"/members\" = \"unix:%s conns=1\"\n[site.filters]\n\"*.tpl\" = \"unix:%s conns=1\"\n", root, socket, socket))

	for range 5 { // on kept connections
		for _, tt := range []struct {
			method, target, cookie, content string
			status                          int
			body                            string
		}{
			{"GET", "/members/who.php", "member=ann", "", http.StatusOK, "user=ann "},
			{"POST", "/members/who.php", "member=bob", "a=1", http.StatusOK, "user=bob a=1"},
			{"GET", "/members/who.php", "", "", http.StatusForbidden, "members only"},
			{"POST", "/members/who.php", "", "a=1", http.StatusForbidden, "members only"},
			{"GET", "/members/list.txt", "member=ann", "", http.StatusOK, "the list"},
			{"GET", "/members/list.txt", "", "", http.StatusForbidden, "members only"},
			{"GET", "/who.php", "member=ann", "", http.StatusOK, "user=nobody"},
			{"GET", "/page.tpl", "", "", http.StatusOK, strings.ToUpper(text)},
		} {
			head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", tt.method, tt.target)
			if tt.cookie != "" {
				head += "Cookie: " + tt.cookie + "\r\n"
			}
			if tt.method == "POST" {
				head += fmt.Sprintf("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(tt.content))
			}
			a, err := tryRaw(s.addr, tt.method, head+"\r\n"+tt.content)
			if err != nil || a.status != tt.status || a.body != tt.body {
				t.Errorf("%s %s with %q: %v, status %d %s", tt.method, tt.target, tt.cookie, err, a.status, excerpt(a.body))
			}
		}
	}
}
