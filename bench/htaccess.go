//go:build linux

package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// wordpressRules are what WordPress itself writes for a site in /wp.
const wordpressRules = `<IfModule mod_rewrite.c>
RewriteEngine On
RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
RewriteBase /wp/
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /wp/index.php [L]
</IfModule>
`

// firewallRules are as long and of the kind as those that site owners paste in
// front of PHP.
//
//go:embed firewall.htaccess
var firewallRules string

// eightG names the scenario whose rules are a third party's, read where they
// lie; they are no part of this repository.
const eightG = "firewall8g"

// eightGFolders are where its file may be.
var eightGFolders = []string{"../shared/htaccess/corpus", "/work/shared/htaccess/corpus"}

// ruledScenarios are those about .htaccess.
func ruledScenarios(small, hello []byte) []scenario {
	// What a browser sends, so that no list of the firewall is met empty.
	visit := [][2]string{
		{"Host", "www.bench.test"}, // some lists refuse hosts that are numbers
		{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
		{"Referer", "https://www.bench.test/news/2026/"},
		{"Cookie", "session=0123456789abcdef0123456789abcdef; theme=light"},
	}
	const query = "?id=7&sort=asc&view=list"
	firewall := scenario{
		name: "firewall", title: "hello.php, firewall in .htaccess", path: "/firewall/page.php" + query, plain: "/hello.php" + query,
		conns: 32, php: true, ruled: true, want: hello, fields: visit, goal: goal{ApacheMin: 3, CostMax: 30},
	}
	other := firewall
	other.name, other.title, other.path = eightG, "hello.php, 8G firewall in .htaccess", "/"+eightG+"/page.php"+query
	return []scenario{
		{name: "wp", title: "hello.php, WordPress's .htaccess", path: "/wp/hello.php", plain: "/hello.php", conns: 32, php: true, ruled: true, want: hello, goal: goal{ApacheMin: 3, CostMax: 3}},
		{name: "wppretty", title: "pretty address, WordPress's .htaccess", path: "/wp/2026/11/a-pretty-address/", plain: "/hello.php", conns: 32, php: true, ruled: true, want: hello},
		{name: "wpstatic", title: "1 KiB file, WordPress's .htaccess", path: "/wp/wp-content/uploads/small.html", plain: "/small.html", conns: 32, ruled: true, want: small, goal: goal{ApacheMin: 5}},
		firewall,
		other,
	}
}

// ruledFiles are the folders with a .htaccess.
func ruledFiles(hello, small string) map[string]string {
	return map[string]string{
		"wp/.htaccess":                     wordpressRules,
		"wp/index.php":                     hello,
		"wp/hello.php":                     hello,
		"wp/wp-content/uploads/small.html": small,
		"firewall/.htaccess":               firewallRules,
		"firewall/page.php":                hello,
		eightG + "/page.php":               hello,
	}
}

// errNo8G is why the scenario is left out.
var errNo8G = errors.New("bench: no 8g*.htaccess in " + eightGFolders[0] + ", nor in " + eightGFolders[1])

// findEightG returns the largest of the third party's files: the others are
// excerpts.
func findEightG(folders []string) (string, error) {
	found, size := "", int64(-1)
	for _, folder := range folders {
		list, err := filepath.Glob(filepath.Join(folder, "8g*.htaccess"))
		if err != nil {
			return "", fmt.Errorf("bench: folder %q: %w", folder, err)
		}
		for _, path := range list {
			if info, err := os.Stat(path); err == nil && info.Size() > size {
				found, size = path, info.Size()
			}
		}
		if found != "" {
			return found, nil
		}
	}
	return "", errNo8G
}
