package site

import (
	"path/filepath"
	"testing"

	"sluice/static"
)

// PHP in a chroot is told the paths that it sees, with and without rules; what it
// can't see is not run, and what it names is found.
func TestChroot(t *testing.T) {
	dir := tree(t, map[string]string{
		"www/x.php": phpSource, "www/sub/a.txt": "a", "www/rules/.htaccess": "RewriteEngine On\nRewriteRule ^go$ x.php\n", "www/rules/x.php": phpSource,
	})
	elsewhere := tree(t, map[string]string{"www/x.php": phpSource})
	jail, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{options(filepath.Join(dir, "www")), ruledOptions(filepath.Join(dir, "www"))} {
		o.Chroot = jail
		o.Roots = append(o.Roots, Root{Prefix: "/out", Config: static.Config{Root: filepath.Join(elsewhere, "www"), NoCompression: true}})
		h := hostOf(t, o)
		env, _ := rehearsed(t, h, get("/x.php/info"))
		expectMeta(t, "/x.php/info", env, map[string]string{
			"SCRIPT_FILENAME": "/www/x.php", "DOCUMENT_ROOT": "/www", "PATH_TRANSLATED": "/www/info", "SCRIPT_NAME": "/x.php", "PATH_INFO": "/info",
		})
		if o.Htaccess != nil {
			env, _ = rehearsed(t, h, get("/rules/go"))
			expectMeta(t, "/rules/go", env, map[string]string{"SCRIPT_FILENAME": "/www/rules/x.php", "DOCUMENT_ROOT": "/www"})
		}
		expect(t, "script outside", answered(t, h, get("/out/x.php")), 403)
		x, rec := scriptAnswer(t, h, "/x.php")
		if !x.Intercept(sendFile("/www/sub/a.txt")) || rec.status != 200 || rec.body.String() != "a" {
			t.Errorf("X-Sendfile from inside: status %d %q", rec.status, rec.body.String())
		}
		x, rec = scriptAnswer(t, h, "/x.php")
		if !x.Intercept(sendFile(filepath.Join(jail, "www/sub/a.txt"))) || rec.status != 500 {
			t.Errorf("X-Sendfile of a path that PHP does not see: status %d", rec.status)
		}
	}
}

func TestEntered(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{"/srv/a", "/"}, {"/srv/a/x", "/x"}, {"/srv/ab", "/srv/ab"}, {"/other", "/other"}, {"", ""},
	} {
		if got := string(entered("/srv/a", []byte(tt.path))); got != tt.want {
			t.Errorf("entered(%q) = %q, want %q", tt.path, got, tt.want)
		}
	}
}
