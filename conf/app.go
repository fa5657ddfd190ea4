package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// The values of App.Kind and Site.App.
const (
	AppWordPress  = "wordpress"
	AppDrupal     = "drupal"
	AppLaravel    = "laravel"
	AppSymfony    = "symfony"
	AppPHPMyAdmin = "phpmyadmin"
	AppMediaWiki  = "mediawiki"
	AppDokuWiki   = "dokuwiki"
	AppPHP        = "php"    // scripts of no application known here
	AppStatic     = "static" // no scripts
	AppSPA        = "spa"    // static, unknown paths answered by /index.html
)

// App is what was found in a folder.
type App struct {
	Kind    string // an App* constant
	Version string // "" where it could not be read
	// Docroot is the absolute folder to serve: the one looked at or one below.
	Docroot string
	// Found is the file that gave the application away, "" for none.
	Found string
	// FrontController is a path below Docroot, "" for none.
	FrontController string
	// NoPHP are paths where scripts must not run, Deny those the application's
	// own Apache rules refuse, Private those worth refusing beside.
	NoPHP, Deny, Private Patterns
	// PathRequests are what those who guess passwords ask for.
	PathRequests []PathBound
	// Aliases are folders elsewhere that the application expects in its URL
	// space; FollowInto are places links of the application may lead into.
	Aliases    []Alias
	FollowInto []string
	// Links are the symbolic links found that leave Docroot.
	Links []Link
}

// Detect finds out what is in a folder. The error says why it cannot be read
// and what to do; its cause is that of the file system.
func Detect(dir string) (App, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return App{}, fmt.Errorf("conf: folder %q: %w", dir, err)
	}
	if f := checkFolder(abs); f != nil {
		fs := &faults{}
		fs.add(f)
		return App{}, fs.err()
	}
	return detect(abs), nil
}

// detect looks at a folder that is known to be readable.
func detect(dir string) App {
	for i := range presets {
		if a, ok := presets[i].in(dir); ok {
			return a
		}
	}
	if a, ok := frameworkIn(dir); ok {
		return a
	}
	kind := AppStatic
	found := firstFile(dir, "*.php")
	if found != "" {
		kind = AppPHP
	}
	return finishApp(App{Kind: kind, Docroot: dir, Found: found})
}

// detectAs looks for one application only.
func detectAs(dir, kind string) (App, bool) {
	switch kind {
	case AppPHP, AppStatic:
		return finishApp(App{Kind: kind, Docroot: dir}), true
	case AppSPA:
		return finishApp(App{Kind: kind, Docroot: dir, FrontController: "/index.html"}), isFile(dir, "index.html")
	}
	for i := range presets {
		if presets[i].kind == kind {
			return presets[i].in(dir)
		}
	}
	return App{}, false
}

// frameworkIn finds the layout of most PHP frameworks: sources at the top,
// what the world may see in public/.
func frameworkIn(dir string) (App, bool) {
	if !isFile(dir, "composer.json") || isFile(dir, "index.php") || isFile(dir, "index.html") {
		return App{}, false
	}
	for _, public := range []string{"public", "web", "webroot"} {
		if isFile(dir, public, "index.php") {
			return finishApp(App{
				Kind: AppPHP, Docroot: filepath.Join(dir, public),
				Found: filepath.Join(dir, public, "index.php"), FrontController: "/index.php",
			}), true
		}
	}
	return App{}, false
}

// finishApp adds what is the same for all applications.
func finishApp(a App) App {
	a.Links = externalLinks(a)
	for _, l := range a.Links {
		covers := func(dir string) bool { return inside(dir, l.Target) }
		if l.Allowed && !slices.ContainsFunc(a.FollowInto, covers) {
			a.FollowInto = append(a.FollowInto, l.Target)
		}
	}
	return a
}

// appNames are the values of the key app.
func appNames() []string {
	names := []string{"auto"}
	for i := range presets {
		names = append(names, presets[i].kind)
	}
	return append(names, AppPHP, AppStatic, AppSPA)
}

// checkFolder tells whether a folder can be read, and if not, what to do.
func checkFolder(dir string) *Fault {
	f, err := os.Open(dir)
	if err != nil {
		return folderFault(dir, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err == nil && !info.IsDir() {
		return &Fault{Msg: fmt.Sprintf("%q is a file, not a folder; give the folder it is in, %q", dir, filepath.Dir(dir)), Err: errNotFolder}
	}
	if err == nil {
		// Reading a folder takes r, opening files in it x; it may have just one.
		_, err = os.Stat(dir + string(filepath.Separator) + ".")
	}
	if err != nil {
		return folderFault(dir, err)
	}
	return nil
}

var errNotFolder = errors.New("not a folder")

func folderFault(dir string, err error) *Fault {
	f := &Fault{Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Msg = fmt.Sprintf("folder %q does not exist; check the path or create it: mkdir -p %s", dir, dir)
	case errors.Is(err, fs.ErrPermission):
		f.Msg = fmt.Sprintf("no permission to read folder %q; give the user sluice runs as r and x on it and x on the folders above", dir)
	default:
		f.Msg = fmt.Sprintf("cannot read folder %q: %v", dir, err)
	}
	return f
}

// isFile and isDir tell what is there, links followed.
func isFile(elem ...string) bool {
	info, err := os.Stat(filepath.Join(elem...))
	return err == nil && info.Mode().IsRegular()
}

func isDir(elem ...string) bool {
	info, err := os.Stat(filepath.Join(elem...))
	return err == nil && info.IsDir()
}

// firstFile returns the first file in a folder whose name fits, "" for none.
func firstFile(dir, pattern string) string {
	for _, e := range readFolder(dir) {
		if matchSegment(pattern, e.Name()) && isFile(dir, e.Name()) {
			return filepath.Join(dir, e.Name())
		}
	}
	return ""
}

// readFolder lists a bounded number of entries in order of names; nothing on
// an error, which whoever serves the folder will meet again.
func readFolder(dir string) []fs.DirEntry {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	list, _ := f.ReadDir(folderEntriesMax)
	slices.SortFunc(list, func(a, b fs.DirEntry) int {
		if a.Name() < b.Name() {
			return -1
		}
		return 1
	})
	return list
}
