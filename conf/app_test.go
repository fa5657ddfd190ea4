package conf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func wordpressIn(below string, more ...string) []string {
	var lines []string
	for _, l := range wordpressFiles {
		lines = append(lines, below+l)
	}
	return append(lines, more...)
}

func TestDetect(t *testing.T) {
	const drupalVersion = "lib/Drupal.php: class Drupal { const VERSION = '10.1.2'; }"
	for _, tt := range []struct {
		name    string
		files   []string
		look    string // the folder looked at, below
		kind    string
		version string
		docroot string
		front   string
		noPHP   string // one of them
	}{
		{"empty", nil, "", AppStatic, "", "", "", ""},
		{"static", []string{"index.html", "a.css"}, "", AppStatic, "", "", "", ""},
		{"php", []string{"index.php"}, "", AppPHP, "", "", "", ""},
		{"php without index", []string{"about.php", "index.html"}, "", AppPHP, "", "", "", ""},
		{"php only below", []string{"a/b.php"}, "", AppStatic, "", "", "", ""},
		{"wordpress", wordpressIn(""), "", AppWordPress, "6.1.9", "", "/index.php", "/wp-content/uploads"},
		{
			"wordpress in its own folder", wordpressIn("wordpress/", "index.php: require 'wordpress/wp-blog-header.php';"),
			"", AppWordPress, "6.1.9", "", "/index.php", "/wordpress/wp-content/uploads",
		},
		{
			"wordpress below", wordpressIn("blog/", "index.php: <?php echo 1;"), "",
			AppWordPress, "6.1.9", "", "/blog/index.php", "/blog/wp-content/uploads",
		},
		{
			"bedrock", wordpressIn("web/wp/", "web/index.php", "web/app/themes/", "composer.json"), "",
			AppWordPress, "6.1.9", "web", "/index.php", "/app/uploads",
		},
		{"drupal", []string{"index.php", "core/" + drupalVersion}, "", AppDrupal, "10.1.2", "", "/index.php", "/sites/*/files"},
		{
			"drupal by composer",
			[]string{"composer.json", "web/index.php", "web/core/" + drupalVersion},
			"",
			AppDrupal, "10.1.2", "web", "/index.php", "/sites/*/files",
		},
		{
			"its docroot",
			[]string{"composer.json", "web/index.php", "web/core/" + drupalVersion},
			"web",
			AppDrupal, "10.1.2", "web", "/index.php", "/sites/*/files",
		},
		{
			"drupal 7",
			[]string{"index.php", "includes/bootstrap.inc: drupal_x(); define('VERSION', '7.98');", "modules/system/system.module"},
			"",
			AppDrupal, "7.98", "", "/index.php", "/sites/*/files",
		},
		{"laravel", []string{"artisan", "public/index.php", "composer.json"}, "", AppLaravel, "", "public", "/index.php", "/storage"},
		{"laravel's public", []string{"artisan", "public/index.php"}, "public", AppLaravel, "", "public", "/index.php", "/storage"},
		{
			"symfony", []string{
				"bin/console", "public/index.php", "composer.json",
				"vendor/symfony/http-kernel/Kernel.php:     public const VERSION = '6.4.1';",
			}, "", AppSymfony, "6.4.1", "public", "/index.php", "/uploads",
		},
		{"symfony by its lock", []string{"symfony.lock", "public/index.php"}, "", AppSymfony, "", "public", "/index.php", "/uploads"},
		{
			"phpmyadmin",
			[]string{"index.php", "libraries/classes/Version.php: namespace PhpMyAdmin; public const VERSION = '5.2.1' . X;"},
			"",
			AppPHPMyAdmin, "5.2.1", "", "", "/tmp",
		},
		{
			"phpmyadmin 6",
			[]string{"public/index.php", "src/Version.php: namespace PhpMyAdmin; const VERSION = '6.0.0' . X;"},
			"",
			AppPHPMyAdmin, "6.0.0", "public", "", "/tmp",
		},
		{
			"mediawiki",
			[]string{"index.php", "load.php", "includes/Defines.php: define( 'MW_VERSION', '1.39.17' );"},
			"",
			AppMediaWiki, "1.39.17", "", "", "/images",
		},
		{"no mediawiki", []string{"index.php", "load.php", "includes/Defines.php: nothing"}, "", AppPHP, "", "", "", ""},
		{"dokuwiki", []string{"doku.php", "index.php", "inc/init.php", "VERSION: 2022-07-31b Igor"}, "", AppDokuWiki, "2022-07-31b", "", "", "/data"},
		{"no phpmyadmin", []string{"index.php", "libraries/classes/Version.php: namespace Other;"}, "", AppPHP, "", "", "", ""},
		{"framework", []string{"composer.json", "public/index.php", "src/Secret.php"}, "", AppPHP, "", "public", "/index.php", ""},
		{"public without composer", []string{"a.php", "public/index.php"}, "", AppPHP, "", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := tree(t, tt.files...)
			a, err := Detect(filepath.Join(dir, tt.look))
			if err != nil {
				t.Fatal(err)
			}
			if a.Kind != tt.kind || a.Version != tt.version || a.FrontController != tt.front {
				t.Errorf("Detect = kind %q, version %q, front %q, want %q, %q, %q",
					a.Kind, a.Version, a.FrontController, tt.kind, tt.version, tt.front)
			}
			if want := filepath.Join(dir, tt.docroot); a.Docroot != want {
				t.Errorf("docroot %q, want %q", a.Docroot, want)
			}
			if tt.noPHP != "" && !slices.Contains(a.NoPHP, tt.noPHP) {
				t.Errorf("NoPHP %q lacks %q", a.NoPHP, tt.noPHP)
			}
			if tt.noPHP == "" && len(a.NoPHP) > 0 {
				t.Errorf("NoPHP %q of an unknown application", a.NoPHP)
			}
		})
	}
}

func TestDetectLinks(t *testing.T) {
	out := tree(t, "content/plugins/", "content/themes/", "content/uploads/", "plugin/a.php")
	dir := tree(t, "index.php", "wp-load.php", "wp-includes/version.php", "real/", "inner -> real",
		"dangling -> nowhere", "up -> ..", "wp-content -> "+filepath.Join(out, "content"))
	plant(t, out, "content/plugins/mine -> "+filepath.Join(out, "plugin"))
	a, err := Detect(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []Link{
		{"/up", filepath.Dir(dir), false, "the target contains the document root"},
		{"/wp-content", filepath.Join(out, "content"), true, ""},
		{"/wp-content/plugins/mine", filepath.Join(out, "plugin"), true, ""},
	}
	if !slices.Equal(a.Links, want) {
		t.Errorf("links %+v, want %+v", a.Links, want)
	}
	if !slices.Contains(a.FollowInto, filepath.Join(out, "plugin")) || slices.Contains(a.FollowInto, filepath.Dir(dir)) {
		t.Errorf("FollowInto %q", a.FollowInto)
	}
}

func TestFolderFaults(t *testing.T) {
	dir := tree(t, "file: x")
	for _, tt := range []struct {
		dir, want string
		cause     error
	}{
		{filepath.Join(dir, "missing"), "does not exist; check the path or create it: mkdir -p", fs.ErrNotExist},
		{filepath.Join(dir, "file"), "is a file, not a folder", errNotFolder},
	} {
		_, err := Detect(tt.dir)
		if !errors.Is(err, tt.cause) || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "conf: ") {
			t.Errorf("Detect(%q) = %v, want %q by %v", tt.dir, err, tt.want, tt.cause)
		}
		_, err = FromDir(tt.dir, Overrides{})
		if !errors.Is(err, tt.cause) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("FromDir(%q) = %v, want %q by %v", tt.dir, err, tt.want, tt.cause)
		}
	}
	f := folderFault("/x", &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrPermission})
	if !strings.Contains(f.Msg, `no permission to read folder "/x"`) {
		t.Errorf("folderFault = %q", f.Msg)
	}
	if os.Geteuid() == 0 {
		return // root may read anything
	}
	for _, mode := range []fs.FileMode{0, 0o400, 0o100} {
		closed := filepath.Join(tree(t, "closed/"), "closed")
		if err := os.Chmod(closed, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Detect(closed); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Detect of a folder with mode %o = %v, want no permission", mode, err)
		}
	}
}

// TestDebianPackages looks at the real ones where they are installed.
func TestDebianPackages(t *testing.T) {
	for kind, dir := range map[string]string{
		AppWordPress: "/usr/share/wordpress", AppPHPMyAdmin: "/usr/share/phpmyadmin", AppMediaWiki: "/usr/share/mediawiki", AppDokuWiki: "/usr/share/dokuwiki",
	} {
		if !isDir(dir) {
			t.Logf("%s is not installed", dir)
			continue
		}
		a, err := Detect(dir)
		if err != nil {
			t.Fatal(err)
		}
		if a.Kind != kind || a.Version == "" || a.Docroot != dir {
			t.Errorf("Detect(%q) = %+v", dir, a)
		}
		err = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.Type()&fs.ModeSymlink == 0 {
				return err
			}
			target, err := filepath.EvalSymlinks(name)
			if err != nil || inside(dir, target) || strings.HasPrefix(target, "/etc/") {
				return nil // dangling, or nothing that is served
			}
			if !slices.ContainsFunc(a.FollowInto, func(d string) bool { return inside(d, target) }) {
				t.Errorf("%s leads to %s, in none of %q", name, target, a.FollowInto)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
