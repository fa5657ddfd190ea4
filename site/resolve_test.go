package site

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"sluice/static"
)

// plan is what a test wants to see of a Plan.
type plan struct {
	kind     Kind
	status   int
	file     string
	pathInfo string
}

func script(file, info string) plan { return plan{Script, 0, file, info} }
func file(name string) plan         { return plan{Static, 0, name, ""} }
func refused(status int) plan       { return plan{Refused, status, "", ""} }
func slashed() plan                 { return plan{Redirect, 301, "", ""} }

type resolveCase struct {
	target string
	want   plan
}

func checkPlans(t *testing.T, h *Host, cases []resolveCase) {
	t.Helper()
	for _, tt := range cases {
		x, err := resolved(t, h, tt.target)
		if err != nil {
			t.Errorf("%s: %v", tt.target, err)
			continue
		}
		got := plan{x.plan.Kind, x.plan.Status, string(x.plan.File), string(x.plan.PathInfo)}
		if got != tt.want {
			t.Errorf("%s: got %v %+v (%s), want %v %+v", tt.target, got.kind, got, x.plan.Why, tt.want.kind, tt.want)
		}
	}
}

func siteFiles() map[string]string {
	return map[string]string{
		"index.php": "<?php", "app.php": "<?php", "style.css": "css", "a b.txt": "x",
		"both/index.php": "<?php", "both/index.html": "html",
		"html/index.html": "html", "empty/": "", "dir.php/x.txt": "x", "dir.php/in.php": "<?php",
		"uploads/evil.jpg": "<?php", "uploads/shell.php": "<?php", "uploads/index.php": "<?php", "uploads/ok.png": "png",
		"phpfolder/x.jpg": "x", "x.PHP": "<?php", "x.phP": "<?php", "x.php5": "<?php", "x.phtml": "<?php",
		"x.php.bak": "<?php", "x.php~": "<?php", "notphp": "x", "xphp": "x", ".php": "<?php", "sub/.php": "<?php",
		".htaccess": "deny", ".env": "secret", ".git/config": "secret", ".well-known/acme/token": "t",
		"dump.sql": "data", "private/a.txt": "x", "private/index.php": "<?php", "privateer.txt": "x",
		"\u017fcript.php": "<?php", "x.\u017fphp": "x", "İ.php/deep.txt": "x", "K.txt": "kelvin",
	}
}

func TestResolveFiles(t *testing.T) {
	h := hostOf(t, options(tree(t, siteFiles())))
	checkPlans(t, h, []resolveCase{
		{"/style.css", file("/style.css")},
		{"/style.css?a=b", file("/style.css")},
		{"/a%20b.txt", file("/a b.txt")},
		{"/./style.css", file("/style.css")},
		{"//style.css", file("/style.css")},
		{"/html/../style.css", file("/style.css")},
		{"/style.css/", refused(404)},
		{"/style.css/x", refused(404)},
		{"/none", refused(404)},
		{"/notphp", file("/notphp")},
		{"/xphp", file("/xphp")},
		{"/", script("/index.php", "")},
		{"/both/", script("/both/index.php", "")},
		{"/html/", file("/html/index.html")},
		{"/empty/", refused(403)},
		{"/html", slashed()},
		{"/html?x=1", slashed()},
		{"/dir.php", slashed()},
		{"/dir.php/", refused(403)},
		{"/dir.php/x.txt", file("/dir.php/x.txt")},
		{"/%E2%84%AA.txt", refused(404)}, // KELVIN SIGN is no K
	})
	o := options(tree(t, siteFiles()))
	o.Index = []string{"index.html", "index.php"}
	checkPlans(t, hostOf(t, o), []resolveCase{
		{"/both/", file("/both/index.html")},
		{"/", script("/index.php", "")},
	})
}

// PAINS.md #1: nothing but an existing file with exactly a script's extension
// is run, and nothing else is taken for the script in front of a PATH_INFO.
func TestResolveScripts(t *testing.T) {
	h := hostOf(t, options(tree(t, siteFiles())))
	checkPlans(t, h, []resolveCase{
		{"/app.php", script("/app.php", "")},
		{"/app.php?x=/y.php", script("/app.php", "")},
		{"/app.php/", script("/app.php", "/")},
		{"/app.php/a/b", script("/app.php", "/a/b")},
		{"/app.php/a%20b", script("/app.php", "/a b")},
		{"/app.php/x.php", script("/app.php", "/x.php")},
		{"/app%2Ephp/x", script("/app.php", "/x")},
		// The script alone says what names behind it mean.
		{"/app.php/.git/config", script("/app.php", "/.git/config")},
		{"/app.php/dump.sql", script("/app.php", "/dump.sql")},
		{"/app.php/private/a.txt", script("/app.php", "/private/a.txt")},
		{"/.git/app.php/x", refused(404)},
		{"/dir.php/in.php/p", script("/dir.php/in.php", "/p")},
		// An image is never run, whatever follows it.
		{"/uploads/evil.jpg/x.php", refused(404)},
		{"/uploads/evil.jpg/.php", refused(404)},
		{"/uploads/evil.jpg%20/x.php", refused(404)},
		{"/style.css/app.php", refused(404)},
		{"/none/app.php", refused(404)},
		{"/none.php", refused(404)},
		{"/none.php/app.php", refused(404)},
		{"/app.php%20", refused(404)},
		{"/app.php%20/x", refused(404)},
		{"/app.php.", refused(404)},
		{"/app.php%2e/x", refused(404)},
		{"/app.php::$DATA", refused(404)},
		{"/phpfolder/x.jpg/y", refused(404)},
		// Another case of letters, ASCII or not, is another name.
		{"/x.PHP", refused(404)},
		{"/x.phP/info", refused(404)},
		{"/x.php5", refused(404)},
		{"/x.phtml", refused(404)},
		{"/x.php.bak", refused(404)},
		{"/x.php~", refused(404)},
		{"/%C5%BFcript.php/a.php", script("/\u017fcript.php", "/a.php")},
		{"/x.%C5%BFphp/a.php", refused(404)},
		{"/%C4%B0.php/deep.txt", file("/İ.php/deep.txt")},
		{"/%C4%B0.php/none.txt", refused(404)},
		// Only an extension is no name; these are dot files besides.
		{"/.php", refused(404)},
		{"/sub/.php", refused(404)},
	})
}

// Control characters and separators in disguise never reach the file system.
func TestResolveRefusesPaths(t *testing.T) {
	h := hostOf(t, options(tree(t, siteFiles())))
	for target, want := range map[string]int{
		"/app.php%0a/x.php":        400,
		"/app.php%0d%0a":           400,
		"/app.php%00":              404,
		"/uploads/evil.jpg%00.php": 404,
		"/app.php%00/x":            404,
		"/uploads%2Fshell.php":     404,
		"/uploads%5cshell.php":     404,
		"/..\\style.css":           404,
		"/../style.css":            400,
		"/%2e%2e/style.css":        400,
		"/html/%2e%2e/%2E%2e/x":    400,
		"/html/..%2f..%2fx":        404,
		"/%":                       400,
		"/%4":                      400,
		"/%zz":                     400,
		"/a%7f":                    400,
	} {
		if rec := serve(t, h, get(target)); rec.status != want {
			t.Errorf("%s: status %d, want %d", target, rec.status, want)
		}
	}
}

func TestResolveNoPHP(t *testing.T) {
	o := options(tree(t, siteFiles()))
	o.NoPHP = below{"/uploads"}
	checkPlans(t, hostOf(t, o), []resolveCase{
		{"/uploads/ok.png", file("/uploads/ok.png")},
		{"/uploads/shell.php", refused(403)},
		{"/uploads/shell.php/", refused(403)},
		{"/uploads/shell.php/../shell.php", refused(403)},
		{"/uploads/shell.php/ok.png", refused(403)},
		{"/uploads/shell.php/a/b.php", refused(403)},
		{"/x/../uploads/shell.php", refused(403)},
		{"//uploads//shell.php", refused(403)},
		{"/%75ploads/shell%2ephp", refused(403)},
		{"/uploads/", refused(403)},
		{"/app.php/uploads", script("/app.php", "/uploads")},
	})
}

// A symlink gives a script another name, not another permission.
func TestResolveNoPHPAlias(t *testing.T) {
	main, other := tree(t, siteFiles()), tree(t, map[string]string{"s.php": "<?php", "i/a.txt": "x"})
	o := options(main)
	o.Roots = append(o.Roots, Root{Prefix: "/files", Config: static.Config{Root: other, NoCompression: true}})
	o.NoPHP = below{"/files"}
	checkPlans(t, hostOf(t, o), []resolveCase{
		{"/files/s.php", refused(403)},
		{"/files/s.php/x", refused(403)},
		{"/files/i/a.txt", file("/files/i/a.txt")},
	})
}

// Whether .htaccess files are obeyed or not, what is hidden is not found: not even a
// folder's missing slash tells that it exists.
func TestResolveHidden(t *testing.T) {
	files := siteFiles()
	files[".htaccess"] = "Options +Indexes\n"
	files[".svn/entries"], files["sub/.git/HEAD"], files["listed/a.txt"] = "secret", "secret", "x"
	files[".git/index.html"], files["old.bak/a.txt"], files[".htfolder/a.txt"] = "secret", "old", "x"
	dir := tree(t, files)
	checkPlans(t, hostOf(t, options(dir)), []resolveCase{
		{"/.git/", refused(404)},
		{"/.git", refused(404)},
	})
	modes := map[string]func(string) Options{"plain": options, "rules": ruledOptions}
	for mode, of := range modes {
		t.Run(mode, func(t *testing.T) {
			h := hostOf(t, of(dir))
			t.Cleanup(h.Close)
			missing := answered(t, h, get("/.nope"))
			for _, target := range []string{
				"/.env", "/%2eenv", "/.git/config", "/.git/", "/.git", "/.git/index.html", "/.git/none", "/.git?x=1",
				"/.svn", "/.svn/", "/.svn/entries", "/sub/.git", "/sub/.git/", "/sub/.git/HEAD", "/%2egit", "/sub/../.git", "//.git",
				"/dump.sql", "/.htfolder/", "/.nope/",
			} {
				rec := answered(t, h, get(target))
				expect(t, target, rec, 404, "Location:")
				if rec.body.String() != missing.body.String() {
					t.Errorf("%s: %q is not what /.nope gets: %q", target, rec.body.String(), missing.body.String())
				}
				expect(t, target, answered(t, h, request("HEAD", target, "Host: test.example")), 404, "Location:")
			}
			// Apache's own rule for these says 403, whether they are there or not.
			ht := map[string]int{"plain": 404, "rules": 403}[mode]
			for _, target := range []string{"/.htaccess", "/.htfolder", "/.htnope"} {
				expect(t, target, answered(t, h, get(target)), ht, "Location:")
			}
			for target, want := range map[string]string{"/.well-known/acme/token": "t", "/listed/a.txt": "x", "/old.bak/a.txt": "old"} {
				if rec := answered(t, h, get(target)); rec.status != 200 || rec.body.String() != want {
					t.Errorf("%s: %d %q", target, rec.status, rec.body.String())
				}
			}
			expect(t, "/listed", answered(t, h, get("/listed")), 301, "Location: http://test.example/listed/")
			expect(t, "/.well-known", answered(t, h, get("/.well-known")), 301, "Location: http://test.example/.well-known/")
		})
	}
	for mode, of := range modes {
		t.Run(mode+", as open as Apache", func(t *testing.T) {
			o := of(dir)
			o.Hidden = static.Apache
			h := hostOf(t, o)
			t.Cleanup(h.Close)
			for target, want := range map[string]string{
				"/.env": "secret", "/.git/config": "secret", "/dump.sql": "data", "/.svn/entries": "secret",
			} {
				if rec := answered(t, h, get(target)); rec.status != 200 || rec.body.String() != want {
					t.Errorf("%s: %d %q", target, rec.status, rec.body.String())
				}
			}
			expect(t, "/.htaccess", answered(t, h, get("/.htaccess")), 403)
			expect(t, "/.svn", answered(t, h, get("/.svn")), 301, "Location: http://test.example/.svn/")
		})
	}
	o := options(dir)
	o.Hidden = static.Apache
	checkPlans(t, hostOf(t, o), []resolveCase{
		{"/.htaccess/", refused(403)},
		{"/.HTpasswd", refused(403)},
		{"/app.php", script("/app.php", "")},
	})
}

// A folder that deny names is not found either, in both modes and by both settings of
// hidden_files; rules of the site's own come first.
func TestHiddenFolderUnderRules(t *testing.T) {
	files := map[string]string{
		".htaccess":     "ErrorDocument 404 \"none\nErrorDocument 403 \"forbidden\nRedirect 302 /.moved http://elsewhere.example/\n",
		"private/a.txt": "secret", ".git/config": "secret", ".moved/x": "x", "open/x": "x",
	}
	for _, policy := range []static.Policy{static.Refuse, static.Apache} {
		h := ruled(t, files, func(o *Options) { o.Deny, o.Hidden = below{"/private"}, policy })
		for _, target := range []string{"/private", "/private/", "/private/a.txt", "/private/none"} {
			if rec := answered(t, h, get(target)); rec.status != 404 || rec.body.String() != "none" {
				t.Errorf("%v, %s: %d %q", policy, target, rec.status, rec.body.String())
			}
		}
		expect(t, "/open", answered(t, h, get("/open")), 301)
		expect(t, "/.moved", answered(t, h, get("/.moved")), 302, "Location: http://elsewhere.example/")
	}
	h := ruled(t, files)
	if rec := answered(t, h, get("/.git/")); rec.status != 404 || rec.body.String() != "none" {
		t.Errorf("/.git/: %d %q", rec.status, rec.body.String())
	}
	// A site below a path of its own has the same names.
	h = ruled(t, files, func(o *Options) { o.Path, o.Deny = "/app", below{"/private"} })
	for target, want := range map[string]int{"/app/.git": 404, "/app/private": 404, "/app/open": 301} {
		expect(t, target, answered(t, h, get(target)), want)
	}
}

// A front controller is asked neither for hidden names that are there nor for those
// that are not.
func TestHiddenBeforeFront(t *testing.T) {
	h := ruled(t, map[string]string{"index.php": phpSource, ".git/config": "secret"}, func(o *Options) { o.FrontController = "/index.php" })
	for _, target := range []string{"/.git", "/.git/", "/.git/config", "/.nope", "/.nope/config"} {
		expect(t, target, answered(t, h, get(target)), 404)
	}
	if env, _ := rehearsed(t, h, get("/none")); env == nil {
		t.Error("/none: no script")
	}
}

// Whatever the policy, what may be a script on this or another file system is
// not sent as text.
func TestResolveNeverSendsSource(t *testing.T) {
	for _, policy := range []static.Policy{static.Refuse, static.Apache} {
		for _, php := range []bool{true, false} {
			o := options(tree(t, siteFiles()))
			o.Hidden = policy
			if !php {
				o.PHP = nil
			}
			h := hostOf(t, o)
			for _, target := range []string{"/x.PHP", "/x.phP", "/x.phP/", "/x.phP/info"} {
				if x, err := resolved(t, h, target); err != nil || x.plan.Kind != Refused {
					t.Errorf("%v, PHP %v: %s: %v, %v; want it refused", policy, php, target, x.plan.Kind, err)
				}
			}
			if php {
				continue
			}
			for _, target := range []string{"/", "/app.php", "/app.php/", "/app.php/x", "/both/", "/dir.php/in.php"} {
				if x, err := resolved(t, h, target); err != nil || x.plan.Kind != Refused || x.plan.Status != 403 {
					t.Errorf("%v, PHP off: %s: %+v, %v; want 403", policy, target, x.plan, err)
				}
			}
		}
	}
}

func TestResolveDeny(t *testing.T) {
	o := options(tree(t, siteFiles()))
	o.Deny = below{"/private", "/both/index.php", "/app.php"}
	checkPlans(t, hostOf(t, o), []resolveCase{
		{"/private/a.txt", refused(404)},
		{"/private/none", refused(404)},
		{"/private/", refused(404)},
		{"/private", refused(404)},
		{"/privateer.txt", file("/privateer.txt")},
		{"/x/../private/a.txt", refused(404)},
		{"/app.php", refused(404)},
		{"/app.php/x", refused(404)},
		{"/both/index.php", refused(404)},
		{"/both/index.html", file("/both/index.html")},
		// Asking for the folder is no way around it.
		{"/both/", refused(404)},
	})
}

func TestResolveAliases(t *testing.T) {
	main := tree(t, map[string]string{"blog/main.txt": "m", "index.html": "m", "blogger.txt": "m"})
	blog := tree(t, map[string]string{"index.php": "<?php", "a.txt": "b", "deep/main.txt": "b"})
	deep := tree(t, map[string]string{"a.txt": "d"})
	o := options(main)
	for prefix, dir := range map[string]string{"/blog": blog} {
		o.Roots = append(o.Roots,
			Root{Prefix: "/blog/deep", Config: static.Config{Root: deep, NoCompression: true}},
			Root{Prefix: prefix, Config: static.Config{Root: dir, NoCompression: true}})
	}
	h := hostOf(t, o)
	checkPlans(t, h, []resolveCase{
		{"/blog", slashed()},
		{"/blog/", script("/blog/index.php", "")},
		{"/blog/a.txt", file("/blog/a.txt")},
		{"/blog/main.txt", refused(404)}, // the alias hides the folder
		{"/blogger.txt", file("/blogger.txt")},
		{"/blog/index.php/info", script("/blog/index.php", "/info")},
		{"/blog/deep/a.txt", file("/blog/deep/a.txt")},
		{"/blog/deep/main.txt", refused(404)},
		{"/blog/deep", slashed()},
		{"/blog/../index.html", file("/index.html")},
	})
	if rec := serve(t, h, get("/blog/a.txt")); rec.body.String() != "b" {
		t.Errorf("/blog/a.txt: %q", rec.body.String())
	}
	if rec := serve(t, h, get("/blog/deep/a.txt")); rec.body.String() != "d" {
		t.Errorf("/blog/deep/a.txt: %q", rec.body.String())
	}
}

func TestResolveFrontController(t *testing.T) {
	files := siteFiles()
	files["app/index.php"], files["app/real.txt"], files["app/folder/x.txt"] = "<?php", "x", "x"
	o := options(tree(t, files))
	o.FrontController = "/app/index.php"
	o.NoPHP = below{"/uploads"}
	h := hostOf(t, o)
	front := script("/app/index.php", "")
	checkPlans(t, h, []resolveCase{
		{"/app/none", front},
		{"/app/none/deeper?x=1", front},
		{"/app/real.txt", file("/app/real.txt")},
		{"/app/real.txt/more", front},
		{"/app/folder", slashed()},
		{"/app/folder/", refused(403)},
		{"/app/none.php", front},
		{"/app/none.php/x", front},
		{"/app/index.php/route", script("/app/index.php", "/route")},
		{"/other/none", refused(404)},
		{"/none", refused(404)},
		{"/application", refused(404)},
		{"/app/.env", refused(404)},
	})
	o.FrontController = "/index.php"
	checkPlans(t, hostOf(t, o), []resolveCase{
		{"/none", script("/index.php", "")},
		{"/uploads/evil.jpg/x.php", script("/index.php", "")}, // the application says 404, the image is not run
		{"/uploads/shell.php/x", refused(403)},
	})
	o.FrontController = "/missing.php"
	checkPlans(t, hostOf(t, o), []resolveCase{{"/none", refused(404)}})
	o.PHP, o.FrontController = nil, "/style.css" // a single page application
	checkPlans(t, hostOf(t, o), []resolveCase{{"/some/route", file("/style.css")}})
}

func TestResolveSymlinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symlinks need a privilege")
	}
	dir, outside := tree(t, siteFiles()), tree(t, map[string]string{"secret.txt": "s", "s.php": "<?php"})
	for name, target := range map[string]string{
		"out.txt": filepath.Join(outside, "secret.txt"), "out.php": filepath.Join(outside, "s.php"),
		"outdir": outside, "in.txt": "style.css", "run.jpg": "app.php", "loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	checkPlans(t, hostOf(t, options(dir)), []resolveCase{
		{"/in.txt", file("/in.txt")},
		{"/out.txt", refused(403)},
		{"/out.php", refused(403)},
		{"/out.php/info", refused(403)},
		{"/outdir/secret.txt", refused(403)},
		{"/outdir/s.php/x", refused(403)},
		{"/run.jpg/x", refused(404)},
	})
}

// The bytes that a target is made of do not matter: only existing files with
// the extension are run, and never below a folder without PHP.
func FuzzResolve(f *testing.F) {
	for _, s := range []string{"/app.php/x", "/uploads/evil.jpg/x.php", "/uploads/shell.php/%2e", "/x.phP/a.php", "/dir.php/in.php/..", "/\u017fcript.php"} {
		f.Add(s)
	}
	dir := f.TempDir()
	known := map[string]bool{"/app.php": true, "/index.php": true, "/dir.php/in.php": true}
	for _, name := range []string{"app.php", "index.php", "dir.php/in.php", "uploads/shell.php", "uploads/evil.jpg", "x.phP"} {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(full, []byte("<?php"), 0o644); err != nil {
			f.Fatal(err)
		}
	}
	o := options(dir)
	o.NoPHP, o.FrontController = below{"/uploads"}, "/index.php"
	h := hostOf(f, o)
	f.Fuzz(func(t *testing.T, target string) {
		path, err := static.DecodePath(nil, []byte(target))
		if err != nil {
			return
		}
		x := &Exchange{site: h.fallback.site, path: path}
		x.resolve()
		if x.plan.Kind == Script && !known[string(x.plan.File)] {
			t.Errorf("%q runs %q", target, x.plan.File)
		}
		if x.plan.Kind == Static && x.site.isScript(x.plan.File) {
			t.Errorf("%q sends the source of %q", target, x.plan.File)
		}
	})
}
