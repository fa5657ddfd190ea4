//go:build linux

package integration

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMediaWiki is Debian's MediaWiki through a php-fpm that others use too,
// with short addresses by .htaccess. Each step stands on the one before.
func TestMediaWiki(t *testing.T) {
	w := installMediaWiki(t)
	w.steps(t, []wikiStep{
		{"first visit", mwFirstVisit},
		{"login", mwLogin},
		{"create and edit", mwEdit},
		{"page names", mwNames},
		{"missing page", mwMissing},
		{"upload", mwUpload},
		{"api", mwAPI},
		{"load.php", mwLoad},
		{"private folders", mwPrivate},
		{"browser", mwBrowser},
		{"like apache", mwLikeApache},
		{"logout", mwLogout},
	})
}

// mediaWikiParts is the package without its settings, which lead out of it, and
// its extensions, which are no matter of the server and most of its size.
var mediaWikiParts = []string{
	"[^L]*.php", "*.json", "includes", "languages", "maintenance", "mw-config", "resources", "skins", "vendor",
}

func installMediaWiki(t *testing.T) *wiki {
	t.Helper()
	const source = "/usr/share/mediawiki"
	needDir(t, source)
	php := tool(t, "php", "php[0-9]*.[0-9]*")
	dir := workDir(t)
	root := filepath.Join(dir, "mediawiki")
	copyParts(t, source, root, mediaWikiParts)
	makeDir(t, filepath.Join(root, "extensions"))
	// Debian keeps its own for www-data alone; this says what that says.
	writeFile(t, filepath.Join(root, "images/.htaccess"), "<IfModule php_module>\nphp_flag engine off\n</IfModule>\n")
	// SQLite would do, but for the work after an answer that locks out the next.
	db := startMariaDB(t)
	db.account(t, "wiki", "wiki", "secret")
	install := exec.Command(php, "maintenance/install.php", "--dbtype", "mysql", "--dbserver", "localhost:"+db.sock,
		"--dbname", "wiki", "--dbuser", "wiki", "--dbpass", "secret",
		"--server", "http://wiki.test", "--scriptpath", "", "--pass", wikiPassword, "Sluice & friends", "keeper")
	install.Dir = root
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("integration: mediawiki's installer: %v\n%s", err, out)
	}
	settings := filepath.Join(root, "LocalSettings.php")
	writeFile(t, settings, readText(t, settings)+readText(t, "testdata/mediawiki/settings.php")+
		fmt.Sprintf("$wgCacheDirectory = '%s';\n", makeDir(t, filepath.Join(dir, "cache"))))
	writeFile(t, filepath.Join(root, ".htaccess"), readText(t, "testdata/mediawiki/htaccess"))
	openToOthers(t, root)

	st := site{root: root, workers: 4, ini: map[string]string{"post_max_size": "16M", "upload_max_filesize": "16M", "memory_limit": "256M"}}
	pool := st
	pool.workers = 10 // sluice, its twin and Apache share them
	w := &wiki{site: st, fpm: startFPM(t, pool)}
	st.ini = nil // a php-fpm that is not ours has its own
	w.server = startWiki(t, st, `use = "unix:`+w.fpm+`"`, "")
	w.like = startWiki(t, st, `use = "unix:`+w.fpm+`"`, `hidden_files = "apache"`)
	w.agent = newAgent(t, w.server)
	return w
}
