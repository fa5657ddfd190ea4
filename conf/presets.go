package conf

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// preset is what is known about an application.
type preset struct {
	kind string
	// layouts are where it may lie below a folder, the first that fits counts.
	layouts []layout
	// version finds the version, its first group, in a file below the base.
	versionFiles []string
	version      *regexp.Regexp
	front        bool // index.php answers for what does not exist
	// Patterns that start with "/" are from the base's place in the docroot on.
	noPHP, deny, private Patterns
}

// layout places an application: docroot and base are folders below the one
// looked at, the base being where the application's own files are.
type layout struct {
	docroot, base string
	// all must exist below the base, content must be in the first of them.
	all     []string
	any     []string // one of them must exist, if there are any
	content string
	index   string // must exist below the docroot, and contain says
	says    string
	entry   string // the front controller's folder below the docroot
}

var phpConstVersion = regexp.MustCompile(`const\s+VERSION\s*=\s*['"]([0-9][^'"]*)['"]`)

var presets = []preset{
	{
		kind:         AppWordPress,
		layouts:      wordpressLayouts(),
		versionFiles: []string{"wp-includes/version.php"},
		version:      regexp.MustCompile(`\$wp_version\s*=\s*'([^']+)'`),
		front:        true,
		noPHP: Patterns{
			"/wp-content/uploads", "/wp-content/cache", "/wp-content/upgrade", "/wp-content/upgrade-temp-backup",
			"/wp-content/blogs.dir", "/wp-content/languages",
		},
		private: Patterns{"/wp-config*", "/wp-content/debug.log"},
	},
	{
		kind: AppDrupal,
		layouts: []layout{
			{all: []string{"core/lib/Drupal.php"}, index: "index.php"},
			{docroot: "web", base: "web", all: []string{"core/lib/Drupal.php"}, index: "index.php"},
			{docroot: "docroot", base: "docroot", all: []string{"core/lib/Drupal.php"}, index: "index.php"},
			{all: []string{"includes/bootstrap.inc", "modules/system/system.module"}, content: "drupal", index: "index.php"},
		},
		versionFiles: []string{"core/lib/Drupal.php", "includes/bootstrap.inc"},
		version:      regexp.MustCompile(`(?:const\s+VERSION\s*=\s*|define\('VERSION',\s*)'([0-9][^']*)'`),
		front:        true,
		noPHP:        Patterns{"/sites/*/files", "/sites/*/private"},
		// What Drupal's own .htaccess refuses.
		deny: Patterns{
			"*.engine", "*.inc", "*.install", "*.make", "*.module", "*.po", "*.profile", "*.sh", "*.sql", "*.theme",
			"*.tpl.php", "*.twig", "*.xtmpl", "*.yml",
			"composer.json", "composer.lock", "package.json", "web.config", "yarn.lock",
		},
		private: Patterns{"/vendor"},
	},
	{
		kind: AppLaravel,
		layouts: []layout{
			{docroot: "public", all: []string{"artisan"}, index: "index.php"},
		},
		versionFiles: []string{"vendor/laravel/framework/src/Illuminate/Foundation/Application.php"},
		version:      phpConstVersion,
		front:        true,
		noPHP:        Patterns{"/storage"},
	},
	{
		kind: AppSymfony,
		layouts: []layout{
			{docroot: "public", any: []string{"bin/console", "symfony.lock"}, index: "index.php"},
		},
		versionFiles: []string{"vendor/symfony/http-kernel/Kernel.php"},
		version:      phpConstVersion,
		front:        true,
		noPHP:        Patterns{"/var", "/uploads", "/media/cache"},
	},
	{
		kind: AppPHPMyAdmin,
		layouts: []layout{
			{all: []string{"libraries/classes/Version.php"}, content: "PhpMyAdmin", index: "index.php"},
			{docroot: "public", all: []string{"src/Version.php"}, content: "PhpMyAdmin", index: "index.php"},
		},
		versionFiles: []string{"libraries/classes/Version.php", "src/Version.php"},
		version:      phpConstVersion,
		noPHP:        Patterns{"/tmp", "/upload", "/save"},
		deny:         Patterns{"/libraries", "/templates"},
		private: Patterns{
			"/config", "/sql", "/vendor", "/tmp", "/upload", "/save", "/setup/lib", "/setup/frames",
			"composer.json", "composer.lock", "package.json", "yarn.lock", "babel.config.json",
		},
	},
	{
		kind: AppMediaWiki,
		layouts: []layout{
			{all: []string{"includes/Defines.php", "load.php"}, content: "MW_VERSION", index: "index.php"},
		},
		versionFiles: []string{"includes/Defines.php"},
		version:      regexp.MustCompile(`define\(\s*'MW_VERSION',\s*'([0-9][^']*)'`),
		// Its own images/.htaccess counts on PHP as a module of Apache.
		noPHP: Patterns{"/images"},
	},
	{
		kind:         AppDokuWiki,
		layouts:      []layout{{all: []string{"inc/init.php"}, index: "doku.php"}},
		versionFiles: []string{"VERSION"},
		version:      regexp.MustCompile(`^\s*([0-9][^ \n]*)`),
		noPHP:        Patterns{"/data"},
	},
}

func wordpressLayouts() []layout {
	marks := []string{"wp-includes/version.php", "wp-load.php"}
	all := []layout{
		{all: marks, index: "index.php"},
		// Bedrock and the like: the core in web/wp, the content beside it.
		{docroot: "web", base: "web/wp", all: marks, index: "index.php"},
	}
	// In a folder of its own: with an index.php above it, it answers for the
	// whole site, without one only for its folder.
	for _, below := range []string{"wordpress", "wp", "blog"} {
		all = append(all,
			layout{base: below, all: marks, index: "index.php", says: "wp-blog-header.php"},
			layout{base: below, all: marks, index: below + "/index.php", entry: "/" + below})
	}
	return all
}

// in looks for the application in a folder, and, if the folder is a docroot as
// the application has one, in the folder above.
func (p *preset) in(dir string) (App, bool) {
	for _, l := range p.layouts {
		if l.fits(dir) {
			return p.app(dir, l), true
		}
		up := filepath.Dir(dir)
		if l.docroot != "" && filepath.Base(dir) == l.docroot && l.fits(up) {
			return p.app(up, l), true
		}
	}
	return App{}, false
}

func (l layout) fits(dir string) bool {
	base := filepath.Join(dir, l.base)
	for _, name := range l.all {
		if !isFile(base, name) {
			return false
		}
	}
	exists := func(name string) bool { return isFile(base, name) }
	if len(l.any) > 0 && !slices.ContainsFunc(l.any, exists) {
		return false
	}
	if !isFile(dir, l.docroot, l.index) {
		return false
	}
	if l.says != "" && !bytes.Contains(readHead(filepath.Join(dir, l.docroot, l.index)), []byte(l.says)) {
		return false
	}
	return l.content == "" || bytes.Contains(readHead(filepath.Join(base, l.all[0])), []byte(l.content))
}

func (p *preset) app(dir string, l layout) App {
	base := filepath.Join(dir, l.base)
	a := App{Kind: p.kind, Docroot: filepath.Join(dir, l.docroot)}
	for _, name := range slices.Concat(l.all, l.any) {
		if isFile(base, name) {
			a.Found = filepath.Join(base, name)
			break
		}
	}
	if p.front {
		a.FrontController = l.entry + "/index.php"
	}
	for _, name := range p.versionFiles {
		if m := p.version.FindSubmatch(readHead(filepath.Join(base, name))); m != nil {
			a.Version = string(m[1])
			break
		}
	}
	place := ""
	if rel, err := filepath.Rel(a.Docroot, base); err == nil && rel != "." && filepath.IsLocal(rel) {
		place = "/" + filepath.ToSlash(rel)
	}
	a.NoPHP = placed(p.noPHP, place)
	a.Deny = placed(p.deny, place)
	a.Private = placed(p.private, place)
	switch p.kind {
	case AppWordPress:
		wordpressContent(&a, base)
		a.PathRequests = []PathBound{
			{Pattern: place + "/xmlrpc.php", N: 25, Percent: true},
			{Pattern: place + "/wp-login.php", N: 50, Percent: true},
		}
	case AppLaravel:
		// `artisan storage:link` may come after us.
		a.FollowInto = append(a.FollowInto, laravelStorage(dir)...)
	}
	addPackaged(&a)
	return finishApp(a)
}

// laravelStorage is the folder of uploads, unless somebody made it a link into what
// is not his.
func laravelStorage(dir string) []string {
	name := filepath.Join(dir, "storage", "app", "public")
	if real := settled(name); isSystem(real) || isDir(name) && !mayFollow(name, real) {
		return nil
	}
	return []string{name}
}

// placed puts patterns that are paths below the application's place.
func placed(list Patterns, place string) Patterns {
	out := slices.Clone(list)
	for i, s := range out {
		if s[0] == '/' {
			out[i] = place + s
		}
	}
	return out
}

// wordpressContent knows the other places that wp-content is kept at.
func wordpressContent(a *App, base string) {
	for _, name := range []string{"wp-content", "app", "content"} {
		folder := filepath.Join(a.Docroot, name)
		if folder == filepath.Join(base, "wp-content") || !isDir(folder, "themes") && !isDir(folder, "plugins") {
			continue
		}
		for _, sub := range []string{"uploads", "cache", "upgrade", "languages"} {
			a.NoPHP = append(a.NoPHP, "/"+name+"/"+sub)
		}
	}
}

// readHead reads the beginning of a file, nothing on an error.
func readHead(name string) []byte {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	data, _ := io.ReadAll(io.LimitReader(f, versionBytesMax))
	return data
}
