//go:build linux

package htaccess_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// corpusRequests are asked of every file of the corpus, beside those for the
// paths that the file itself speaks of.
const corpusRequests = `/
/index.php
/index.php/a/b?x=1
/some/pretty-url/?q=1&r=a%2Bb
/static.txt
/style.css
/img/logo.png
/docs
/docs/readme.txt
/sub/page.php?x=1
/nofile.php
/.hidden
/composer.json
/.well-known/security.txt
/a%20b%3Fc/d
/foo | Host: www.example.com | X-Forwarded-Proto: https
/foo?x=<script> | User-Agent: sqlmap/1 | Referer: http://evil.test/
/index.php | Authorization: Basic dTpw | Cookie: wordpress_logged_in_x=1
/cached/ | Accept-Encoding: gzip | Accept: text/html,image/webp
POST /index.php?a=b | body=x=1&y=2
HEAD /foo
OPTIONS /
DELETE /static.txt`

// mentioned finds names of files and folders in rules.
var mentioned = regexp.MustCompile(`[A-Za-z][A-Za-z0-9_-]*(?:/[A-Za-z0-9_-]+)*\\?\.(?:php|html?|js|css|txt|xml|json|png|ico|log|inc|ya?ml)\b`)

// mentionedMax bounds the files and requests made from one corpus file.
const mentionedMax = 12

// bareSettings are php_value and php_flag lines. Of the corpus only one file
// has them outside of <IfModule>; Apache without mod_php refuses it whole.
var bareSettings = regexp.MustCompile(`(?m)^\s*php_(?:value|flag) .*$`)

const bareSettingsFile = "magento2-root"

// ofFolders are files that applications put into a folder for uploads or data,
// where few scripts are, if any.
var ofFolders = []string{"backdrop-files", "magento2-pub-media", "pluxml-data", "silverstripe-assets", "phpbb-files"}

// corpusCase puts a corpus file into a tree of files that it is about.
func corpusCase(l *library, name, text string) (testCase, error) {
	var trees []string
	for tree, words := range map[string]string{
		"wordpress": "wordpress|wp-|akismet|w3tc|cachify|wp|ithemes|aiowps|lscache|g-", "drupal": "drupal|backdrop",
		"joomla": "joomla", "mediawiki": "mediawiki", "phpmyadmin": "phpmyadmin", "matomo": "matomo", "grav": "grav",
		"nextcloud": "nextcloud|owncloud", "front": "laravel|symfony|slim|cake|laminas|contao|flarum|bookstack|snipe|yii|mini",
	} {
		if regexp.MustCompile(words).MatchString(name) {
			trees = append(trees, tree)
		}
	}
	files, err := l.tree(trees...)
	if err != nil {
		return testCase{}, err
	}
	c := testCase{name: "corpus/" + name, files: files}
	for _, path := range []string{"composer.json", ".well-known/security.txt", "public/index.php", "webroot/index.php"} {
		c.files = append(c.files, plain(path))
	}
	for _, line := range strings.Split(corpusRequests, "\n") {
		c.requests = append(c.requests, parseRequest(line))
	}
	seen := map[string]bool{}
	for _, path := range mentioned.FindAllString(text, -1) {
		path = strings.ReplaceAll(path, `\`, "")
		if seen[path] || len(seen) == mentionedMax {
			continue
		}
		seen[path] = true
		c.requests = append(c.requests, parseRequest("/"+path+"?m=1"))
		if len(seen)%3 != 0 { // a third of them is missing
			c.files = append(c.files, plain(path))
		}
	}
	for i, f := range files { // and some of the application's own
		if n := len(l.trees["usual"]); i >= n && i < n+mentionedMax && !strings.HasSuffix(f.path, "/") {
			c.requests = append(c.requests, parseRequest("/"+f.path))
		}
	}
	if name == bareSettingsFile {
		text = bareSettings.ReplaceAllString(text, "# left out")
	}
	place := ".htaccess"
	if slices.Contains(ofFolders, name) {
		place = "sub/.htaccess"
		c.requests = append(c.requests, l.sets["deep"]...)
	}
	c.files = append(c.files, treeFile{path: place, text: text})
	return c, nil
}

// TestCorpus compares the two servers over the real files of the corpus.
func TestCorpus(t *testing.T) {
	dir := sharedDir()
	if dir == "" {
		t.Skip("NOT TESTED: the corpus ../shared/htaccess is not here")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "corpus", "*.htaccess"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s/corpus: %v", dir, err)
	}
	l := needLibrary(t)
	var cases []testCase
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := corpusCase(l, strings.TrimSuffix(filepath.Base(path), ".htaccess"), string(text))
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	runCases(t, cases, ownAsked)
}
