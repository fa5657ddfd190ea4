package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"sluice/conf"
	"sluice/fcgi"
	"sluice/php"
)

// A php-fpm that runs is used if it can read the site; else one of our own is, or,
// without a program for that, the log says what is wrong.
func TestUseFound(t *testing.T) {
	said, asked := "", ""
	address := program(t, func(_ fcgi.Role, env map[string]string, _, _ string) string {
		asked = env["SLUICE_PATH"]
		return "Content-Type: text/plain\r\n\r\n" + said
	})
	found := php.FPMAddress{Network: "unix", Address: strings.TrimPrefix(address, "unix:")}
	_, noBinary := php.FindFPMBinary("")
	for _, tt := range []struct {
		name, said string
		program    bool // a php-fpm to run is there
		own        bool
		log        string
	}{
		{"it reads", "\nsluice-reads\n1\n", true, false, "using the php-fpm that runs"},
		{"it does not", "\nsluice-reads\n0\n", true, true, "running one instead"},
		{"it does not say", "File not found.", true, true, "running one instead"},
		{"it does not, and there is no other", "\nsluice-reads\n0\n", false, false, "scripts will not be found"},
		{"it does not say, and there is no other", "File not found.", false, false, "did not tell whether"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.own && noBinary != nil {
				t.Skip(noBinary)
			}
			said = tt.said
			cfg := configOf(t, "[[site]]\nroot = \".\"\nphp = { state = \"off\" }\n")
			s := &cfg.Sites[0]
			script := filepath.Join(s.Root, "one.php")
			if err := os.WriteFile(script, []byte("<?php"), 0o600); err != nil {
				t.Fatal(err)
			}
			if !tt.program {
				s.PHP.Mode, s.PHP.Path = conf.PHPBinary, "/nonexistent/php-fpm"
			}
			core, logs := observer.New(zap.InfoLevel)
			log := zap.New(core)
			r := &phpRunner{cfg: &s.PHP, plain: log, log: log}
			r.useFound(t.Context(), s, found)
			defer r.abandon()
			defer r.stop(0)
			if asked != script {
				t.Errorf("it was asked for %q, want %q", asked, script)
			}
			if own := r.group != nil; own != tt.own || own == (r.upstreams != nil) || r.fpm != own {
				t.Errorf("our own: %t, want %t; php-fpm: %t", own, tt.own, r.fpm)
			}
			if r.upstreams != nil && r.where != address {
				t.Errorf("PHP is at %q", r.where)
			}
			if n := len(logs.All()); n == 0 || !strings.Contains(logs.All()[n-1].Message, tt.log) {
				t.Errorf("log %v, want %q", logs.All(), tt.log)
			}
		})
	}
}

func TestSomeScript(t *testing.T) {
	dir := t.TempDir()
	s := &conf.Site{Root: dir, Index: []string{"index.php"}, PHP: conf.PHP{Extensions: []string{".php"}}}
	for _, step := range []struct{ add, want string }{{"a.txt", ""}, {"b.php", "b.php"}, {"index.php", "index.php"}} {
		if err := os.WriteFile(filepath.Join(dir, step.add), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := someScript(s); got != filepath.Join(dir, step.want) {
			t.Errorf("with %s: %q, want %q", step.add, got, step.want)
		}
	}
}
