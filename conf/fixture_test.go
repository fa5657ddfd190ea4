package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes files below a fresh folder: a name that ends in "/" is a folder,
// "name -> target" a link, "name: text" a file with that text.
func tree(t *testing.T, lines ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		plant(t, dir, line)
	}
	return dir
}

func plant(t *testing.T, dir, line string) {
	t.Helper()
	name, target, isLink := strings.Cut(line, " -> ")
	name, text, _ := strings.Cut(name, ": ")
	full := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	switch {
	case isLink:
		err = os.Symlink(target, full)
	case strings.HasSuffix(name, "/"):
		err = os.MkdirAll(full, 0o755)
	default:
		err = os.WriteFile(full, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var wordpressFiles = []string{
	"index.php: <?php require __DIR__ . '/wp-blog-header.php';", "wp-load.php", "wp-config-sample.php",
	"wp-includes/version.php: <?php\n$wp_version = '6.1.9';\n", "wp-content/themes/", "wp-content/plugins/",
}

// sites is the folder that the files in testdata are configurations for.
func sites(t *testing.T) string {
	t.Helper()
	dir := tree(t,
		"plain/index.php", "plain/front.php", "static/index.html", "spa/index.html", "logs/", "spool/", "media/", "empty/",
		"shared/note.txt",
		"laravel/artisan", "laravel/public/index.php",
		"laravel/vendor/laravel/framework/src/Illuminate/Foundation/Application.php: const VERSION = '10.48.4';",
		"bin/php-cgi: #!/bin/sh", "bin/broken: not a program", "file.txt: x",
	)
	for _, line := range wordpressFiles {
		plant(t, dir, "wordpress/"+line)
	}
	if err := os.Chmod(filepath.Join(dir, "bin/php-cgi"), 0o755); err != nil { //nolint:gosec // to be executed
		t.Fatal(err)
	}
	return dir
}
