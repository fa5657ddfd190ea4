//go:build linux

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDokuWiki is Debian's DokuWiki, laid out as its authors ship it, through a
// php-fpm that sluice runs, with the nice addresses of its .htaccess.dist. Each
// step stands on the one before.
func TestDokuWiki(t *testing.T) {
	w := installDokuWikiFiles(t)
	w.steps(t, []wikiStep{
		{"private before setup", dwPrivate},
		{"setup wizard", dwSetup},
		{"login", dwLogin},
		{"create and edit", dwEdit},
		{"page names", dwNames},
		{"media", dwMedia},
		{"scripts and styles", dwAssets},
		{"private folders", dwPrivate},
		{"browser", dwBrowser},
		{"like apache", dwLikeApache},
		{"logout", dwLogout},
	})
}

// dokuWikiFolders are what a fresh DokuWiki has below data/, all empty.
var dokuWikiFolders = []string{
	"attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta", "pages", "tmp",
}

// dokuWikiParts is the package, but for a plugin with tests that Debian keeps
// closed to other users.
var dokuWikiParts = []string{
	"*.php", "VERSION", ".htaccess.dist", "bin", "inc", "vendor",
	"lib/index.html", "lib/exe", "lib/images", "lib/scripts", "lib/styles", "lib/tpl", "lib/plugins/[^t]*",
}

func installDokuWikiFiles(t *testing.T) *wiki {
	t.Helper()
	const source, config = "/usr/share/dokuwiki", "/etc/dokuwiki"
	needDir(t, source)
	root := filepath.Join(workDir(t), "dokuwiki")
	copyParts(t, source, root, dokuWikiParts)
	// Debian takes conf/ and data/ out of the wiki; here they lie where DokuWiki
	// looks by itself, so that its .htaccess files have something to guard.
	if err := os.Remove(filepath.Join(root, "inc/preload.php")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(config + "/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		switch name := filepath.Base(path); name {
		case "local.php", "users.auth.php", "acl.auth.php", "plugins.local.php", "apache.conf", "lighttpd.conf": // the wizard's, or Debian's
		default:
			text := strings.ReplaceAll(readText(t, path), "'/var/lib/dokuwiki/data'", "'./data'")
			writeFile(t, filepath.Join(root, "conf", name), text)
		}
	}
	writeFile(t, filepath.Join(root, "data/.htaccess"), readText(t, filepath.Join(root, "inc/.htaccess")))
	writeFile(t, filepath.Join(root, "data/pages/secret.txt"), "a page's text is no address")
	for _, name := range dokuWikiFolders {
		makeDir(t, filepath.Join(root, "data", name))
	}
	writeFile(t, filepath.Join(root, ".htaccess"), niceAddresses(readText(t, filepath.Join(root, ".htaccess.dist"))))

	w := &wiki{site: site{root: root, workers: 3, ini: map[string]string{
		"post_max_size": "16M", "upload_max_filesize": "16M", "opcache.revalidate_freq": "0",
	}}}
	w.server = startWiki(t, w.site, `manager = "fpm"`, "")
	w.like = startWiki(t, w.site, `manager = "fpm"`, `hidden_files = "apache"`)
	w.fpm = startFPM(t, w.site)
	w.agent = newAgent(t, w.server)
	return w
}

// niceAddresses takes the comment signs off the rules for userewrite = 1, as
// the file asks for; those for a wiki in a subfolder and for HTTPS stay.
func niceAddresses(dist string) string {
	lines := strings.Split(dist, "\n")
	for i, line := range lines {
		other := strings.Contains(line, "RewriteBase") || strings.Contains(line, "HTTPS") || strings.Contains(line, "https://")
		if strings.HasPrefix(line, "#Rewrite") && !other || strings.HasPrefix(line, "#Options ") {
			lines[i] = line[1:]
		}
	}
	return strings.Join(lines, "\n")
}
