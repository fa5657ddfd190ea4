package site

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"sluice/static"
)

// linked makes a symlink below a folder.
func linked(t *testing.T, dir, name, target string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
}

func noPHPFiles() map[string]string {
	return map[string]string{
		"index.php": phpSource, "up/e.php": phpSource, "up/deep/e.php": phpSource, "up/index.php": phpSource, "up/p.png": "png", "lib/a.php": phpSource,
	}
}

// A symlink gives a script another name, not another permission.
func TestNoPHPBehindLinks(t *testing.T) {
	dir, other := tree(t, noPHPFiles()), tree(t, map[string]string{"e.php": phpSource, "in/e.php": phpSource})
	linked(t, dir, "files", "up")
	linked(t, dir, "one.php", "up/e.php")
	linked(t, dir, "twice", "files/deep")
	linked(t, dir, "fine", "lib")
	linked(t, dir, "aliased", other)
	linked(t, dir, "shared", filepath.Join(other, "in"))
	linked(t, dir, "up/real.php", "../lib/a.php")
	runs := map[string]bool{
		"/index.php": true, "/lib/a.php": true, "/fine/a.php": true, "/fine/a.php/info": true, "/fine/none.php": false,
		"/up/e.php": false, "/up/e.php/x": false, "/up/": false, "/files/e.php": false, "/files/e.php/info": false, "/files/deep/e.php": false,
		"/files/": false, "/one.php": false, "/one.php/x": false, "/twice/e.php": false, "/up/real.php": false,
		"/alias/e.php": false, "/aliased/e.php": false, "/aliased/in/e.php": false, "/shared/e.php": false,
	}
	for mode, of := range map[string]func(string) Options{"plain": options, "rules": ruledOptions} {
		t.Run(mode, func(t *testing.T) {
			o := of(dir)
			o.NoPHP = below{"/up", "/alias"}
			o.Roots[0].Config.AllowedTargets = []string{other}
			o.Roots = append(o.Roots, Root{Prefix: "/alias", Config: static.Config{Root: other, NoCompression: true}})
			h := hostOf(t, o)
			t.Cleanup(h.Close)
			for range 2 { // what is remembered says the same
				for target, want := range runs {
					env, rec := rehearsed(t, h, get(target))
					if (env != nil) != want || !want && target != "/fine/none.php" && rec.status != 403 {
						t.Errorf("%s: runs %v, status %d; want %v", target, env != nil, rec.status, want)
					}
				}
			}
			if rec := answered(t, h, get("/files/p.png")); rec.status != 200 || rec.body.String() != "png" {
				t.Errorf("/files/p.png: %d %q", rec.status, rec.body.String())
			}
		})
	}
}

// A folder without scripts that is a link itself has none by another name either, be
// it out of the root or in it; what an alias has in such a folder is not its matter.
func TestNoPHPFolderIsLink(t *testing.T) {
	files := noPHPFiles()
	for _, name := range []string{"up/e.php", "up/deep/e.php", "up/index.php", "up/p.png"} {
		delete(files, name)
	}
	files["store/e.php"], files["storage/e.php"] = phpSource, phpSource
	dir, other := tree(t, files), tree(t, map[string]string{"e.php": phpSource, "in/e.php": phpSource, "sites/a/files/e.php": phpSource, "sites/a/e.php": phpSource})
	linked(t, dir, "up", other+"/in")
	linked(t, dir, "files", "up")
	linked(t, dir, "files2", other+"/in")
	linked(t, dir, "sites", other+"/sites")
	linked(t, dir, "s", other+"/sites/a")
	linked(t, dir, "local", "store")
	linked(t, dir, "none", "nowhere")
	linked(t, dir, "fine", other)
	runs := map[string]bool{
		"/index.php": true, "/lib/a.php": true, "/storage/e.php": true, "/fine/e.php": true, "/sites/a/e.php": true, "/s/e.php": true,
		"/tool/e.php": false, // the very folder
		"/up/e.php":   false, "/files/e.php": false, "/files2/e.php": false, "/files2/e.php/info": false, "/fine/in/e.php": false, "/aliased/in/e.php": false,
		"/sites/a/files/e.php": false, "/s/files/e.php": false, "/local/e.php": false, "/store/e.php": false,
	}
	for mode, of := range map[string]func(string) Options{"plain": options, "rules": ruledOptions} {
		t.Run(mode, func(t *testing.T) {
			o := of(dir)
			o.NoPHP = globbed{below{"/up", "/local", "/none", "/sites/a/files"}, []string{"/up", "/local", "/none", "/sites/*/files"}}
			o.Roots[0].Config.AllowedTargets = []string{other}
			for prefix, dir := range map[string]string{"/aliased": other, "/tool": other + "/in"} {
				o.Roots = append(o.Roots, Root{Prefix: prefix, Config: static.Config{Root: dir, NoCompression: true}})
			}
			h := hostOf(t, o)
			t.Cleanup(h.Close)
			for target, want := range runs {
				env, rec := rehearsed(t, h, get(target))
				if (env != nil) != want || !want && rec.status != 403 {
					t.Errorf("%s: runs %v, status %d; want %v", target, env != nil, rec.status, want)
				}
			}
		})
	}
}

// An alias that is configured within such a folder has rules of its own.
func TestNoPHPAliasWithin(t *testing.T) {
	dir := tree(t, noPHPFiles())
	o := options(dir)
	o.NoPHP = below{"/up"}
	o.Roots = append(o.Roots, Root{Prefix: "/tool", Config: static.Config{Root: dir + "/up/deep", NoCompression: true}})
	h := hostOf(t, o)
	t.Cleanup(h.Close)
	for target, want := range map[string]bool{"/tool/e.php": true, "/up/deep/e.php": false} {
		if env, rec := rehearsed(t, h, get(target)); (env != nil) != want {
			t.Errorf("%s: runs %v, status %d", target, env != nil, rec.status)
		}
	}
}

// globbed is a set of paths with the folders that its patterns name.
type globbed struct {
	below
	folders []string
}

func (g globbed) Folders() []string { return g.folders }

// A link that is switched is noticed when files are looked at again.
func TestNoPHPSwitchedLink(t *testing.T) {
	dir := tree(t, noPHPFiles())
	linked(t, dir, "files", "lib")
	if err := os.Link(filepath.Join(dir, "lib/a.php"), filepath.Join(dir, "up/a.php")); err != nil {
		t.Skip(err)
	}
	o := options(dir)
	o.NoPHP = below{"/up"}
	h := hostOf(t, o)
	if env, _ := rehearsed(t, h, get("/files/a.php")); env == nil {
		t.Fatal("does not run")
	}
	if err := os.Remove(filepath.Join(dir, "files")); err != nil {
		t.Fatal(err)
	}
	linked(t, dir, "files", "up") // the same file, by its number
	h.all[0].roots[0].cache.Expire("", true)
	if env, rec := rehearsed(t, h, get("/files/a.php")); env != nil || rec.status != 403 {
		t.Errorf("runs, status %d", rec.status)
	}
}

// What is looked up for no_php is looked up once, not for every request.
func TestNoPHPCosts(t *testing.T) {
	dir := tree(t, noPHPFiles())
	linked(t, dir, "data", "up")
	o := options(dir)
	o.NoPHP = below{"/up", "/data"}
	h := hostOf(t, o)
	x, err := resolved(t, h, "/lib/a.php")
	if err != nil || x.plan.Kind != Script {
		t.Fatalf("%+v, %v", x.plan, err)
	}
	root, file := x.plan.root, []byte("/lib/a.php")
	e := x.plan.entry
	if n := testing.AllocsPerRun(100, func() {
		if x.neverRuns(root, e, file) {
			t.Fatal("never runs")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// CGI programs by their extension run there as little as PHP; those of a folder that
// is named for them do.
func TestNoPHPForCGI(t *testing.T) {
	files := map[string]string{"x.cgi": "#!", "up/x.cgi": "#!", "up/p.png": "png", "up/cgi-bin/y.sh": "#!", "bin/z": "#!", "up/.htaccess": "Options +ExecCGI\nAddHandler cgi-script .sh\n", "up/w.sh": "#!"}
	h := ruled(t, files, func(o *Options) {
		o.NoPHP, o.CGI, o.CGIExtensions, o.CGIFolders = below{"/up", "/bin"}, idlePHP(), []string{".cgi"}, []string{"/up/cgi-bin", "/bin"}
	})
	linked(t, h.rootDir(), "files", "up")
	for target, want := range map[string]bool{
		"/x.cgi": true, "/x.cgi/info": true, "/up/x.cgi": false, "/up/x.cgi/info": false, "/up/w.sh": false, "/files/x.cgi": false,
		"/up/cgi-bin/y.sh": true, "/bin/z": true,
	} {
		env, rec := rehearsed(t, h, get(target))
		if (env != nil) != want || !want && rec.status != 403 {
			t.Errorf("%s: runs %v, status %d; want %v", target, env != nil, rec.status, want)
		}
	}
	expect(t, "/up/none.cgi", answered(t, h, get("/up/p.png")), 200)
}
