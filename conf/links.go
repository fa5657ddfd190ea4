package conf

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The values of Site.Symlinks.
const (
	SymlinksAuto   = "auto"
	SymlinksInside = "inside"
	SymlinksFollow = "follow"
)

// Link is a symbolic link that leads out of a document root.
type Link struct {
	Name   string // path below the document root, starts with "/"
	Target string // absolute, all links resolved
	// Allowed says that the link is followed without being asked for: the
	// application is known to have one there, root or the target's owner made it,
	// and its target is no folder of the system.
	Allowed bool
	// Why says what is against it, "" for a link that is allowed.
	Why string
}

// linkNames are where applications are known to have links that lead out of the
// document root: patterns of paths below it.
var linkNames = map[string][]string{
	AppWordPress: wordpressLinks(),
	AppDrupal: {
		"modules", "themes", "profiles", "libraries", "sites", "modules/*", "themes/*", "profiles/*", "libraries/*",
		"sites/*", "sites/*/files", "sites/*/private", "sites/all/modules/*", "sites/all/themes/*", "sites/all/libraries/*",
	},
	AppMediaWiki:  {"extensions", "skins", "images", "config", "mw-config", "extensions/*", "skins/*"},
	AppDokuWiki:   {"lib/tpl", "lib/plugins", "lib/tpl/*", "lib/plugins/*"},
	AppLaravel:    {"storage"},                         // artisan storage:link
	AppSymfony:    {"bundles", "bundles/*", "uploads"}, // assets:install --symlink
	AppPHPMyAdmin: {"themes/*"},
}

// wordpressLinks are those of wp-content, wherever it is kept.
func wordpressLinks() (names []string) {
	for _, dir := range []string{"wp-content", "app", "content", "wordpress/wp-content", "wp/wp-content", "blog/wp-content"} {
		names = append(names, dir, dir+"/*", dir+"/plugins/*", dir+"/themes/*", dir+"/mu-plugins/*")
	}
	return names
}

// externalLinks lists the links at the top of a document root, and where the
// application may have some, that lead out of it. What is never served, such as
// .htaccess, is left out.
func externalLinks(a App) []Link {
	root, err := filepath.EvalSymlinks(a.Docroot)
	if err != nil {
		return nil
	}
	var links []Link
	for _, folder := range linkFolders(root, linkNames[a.Kind]) {
		for _, e := range readFolder(filepath.Join(root, folder)) {
			if e.Type()&fs.ModeSymlink == 0 || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			name := filepath.Join(root, folder, e.Name())
			target, err := filepath.EvalSymlinks(name)
			if err != nil || inside(root, target) {
				continue // a dangling link leads nowhere
			}
			l := Link{Name: "/" + path.Join(folder, e.Name()), Target: target}
			if a.Deny.Match(l.Name) || a.Private.Match(l.Name) {
				continue
			}
			l.Why = againstLink(a.Kind, root, name, l)
			l.Allowed = l.Why == ""
			if links = append(links, l); len(links) == linksMax {
				return links
			}
		}
	}
	return links
}

// linkFolders are the folders below a document root, slash-separated, whose
// entries may be such links: the root itself first.
func linkFolders(root string, names []string) []string {
	folders := []string{"."}
	for _, name := range names {
		for _, folder := range foldersLike(root, path.Dir(name)) {
			if len(folders) < linkFoldersMax && !slices.Contains(folders, folder) {
				folders = append(folders, folder)
			}
		}
	}
	return folders
}

// foldersLike are the folders below root that fit a pattern without a "*" at its end.
func foldersLike(root, pattern string) []string {
	before, after, found := strings.Cut(pattern, "*")
	if !found {
		if isDir(root, filepath.FromSlash(pattern)) {
			return []string{pattern}
		}
		return nil
	}
	var folders []string
	for _, e := range readFolder(filepath.Join(root, filepath.FromSlash(before))) {
		if folder := before + e.Name() + after; isDir(root, filepath.FromSlash(folder)) {
			folders = append(folders, folder)
		}
	}
	return folders
}

// againstLink says why a link is not followed unless asked for, "" if it is.
func againstLink(kind, root, name string, l Link) string {
	known := func(pattern string) bool {
		return strings.Count(pattern, "/") == strings.Count(l.Name, "/")-1 && matchBelow(pattern, l.Name)
	}
	switch {
	case inside(l.Target, root):
		return "the target contains the document root"
	case isSystem(l.Target):
		return "the target is a folder of the system"
	case !slices.ContainsFunc(linkNames[kind], known):
		return "no application is known to have a link there"
	case !mayFollow(name, l.Target):
		return "neither root nor the target's owner made the link"
	}
	return ""
}

// systemFolders are never followed into without being asked: neither they, nor what
// contains them.
var systemFolders = []string{
	"/bin", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/root", "/sbin", "/srv", "/tmp", "/Users", "/private/var",
	"/usr/bin", "/usr/lib", "/usr/local", "/usr/sbin", "/usr/share", "/usr/share/doc", "/usr/src",
	"/var/backups", "/var/cache", "/var/lib", "/var/local", "/var/tmp", "/var/www",
}

// systemTrees are never followed into at any depth without being asked.
var systemTrees = []string{"/boot", "/dev", "/etc", "/private/etc", "/proc", "/run", "/sys", "/var/log", "/var/mail", "/var/run", "/var/spool"}

// isSystem tells whether a path is the system's rather than an application's.
func isSystem(target string) bool {
	if up := filepath.Dir(target); up == target || up == "/home" || up == "/Users" {
		return true // a whole disk, or all that is a person's
	}
	holds := func(dir string) bool { return inside(target, dir) }
	within := func(dir string) bool { return inside(dir, target) || inside(target, dir) }
	return slices.ContainsFunc(systemFolders, holds) || slices.ContainsFunc(systemTrees, within)
}

// follow settles where the links of a site may lead, and which of those found lead
// elsewhere. By themselves only those of app are followed, and only if the
// configuration says nothing else.
func (s *Site) follow(app App) {
	if s.Symlinks == SymlinksFollow {
		return
	}
	if s.Symlinks == SymlinksAuto {
		for _, dir := range app.FollowInto {
			s.FollowFound = union(s.FollowFound, []string{settled(dir)})
		}
	}
	allowed := slices.Concat(s.FollowInto, s.FollowFound)
	for _, a := range s.Aliases {
		allowed = append(allowed[:len(allowed):len(allowed)], a.Dir)
	}
	for _, l := range app.Links {
		leads := func(dir string) bool {
			real, err := filepath.EvalSymlinks(dir)
			return err == nil && inside(real, l.Target)
		}
		if slices.ContainsFunc(allowed, leads) {
			continue
		}
		if l.Allowed = false; l.Why == "" {
			l.Why = `symlinks = "inside"`
		}
		s.Refused = append(s.Refused, l)
	}
}

// settled is where a path leads now; of what is not there yet, where it would be.
func settled(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	up := filepath.Dir(path)
	if up == path {
		return path
	}
	return filepath.Join(settled(up), filepath.Base(path))
}

// RefusedText says which of the site's own links are not followed, and how they
// would be; "" if all are.
func (s *Site) RefusedText() string {
	if len(s.Refused) == 0 {
		return ""
	}
	var links, targets []string
	for _, l := range s.Refused {
		links = append(links, fmt.Sprintf("%s -> %s (%s)", l.Name, l.Target, l.Why))
		targets = append(targets, strconv.Quote(l.Target))
	}
	return fmt.Sprintf("symbolic links that lead out of the document root are not followed: %s; if they shall be, write in the site's configuration: follow_into = [%s]",
		strings.Join(links, ", "), strings.Join(union(nil, targets), ", "))
}

// inside tells whether name is dir or below it; both are absolute and clean.
func inside(dir, name string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// mayFollow is Apache's SymLinksIfOwnerMatch, and trusts links of root.
func mayFollow(link, target string) bool {
	l, err := os.Lstat(link)
	if err != nil {
		return false
	}
	t, err := os.Stat(target)
	if err != nil {
		return false
	}
	by, of, known := owners(l, t)
	return !known || by == 0 || by == of
}
