package conf

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Link is a symbolic link that leads out of a document root.
type Link struct {
	Name   string // path below the document root, starts with "/"
	Target string // absolute, all links resolved
	// Allowed says that the link may be followed: root or the target's owner
	// made it, and the target does not contain the document root.
	Allowed bool
}

// linkFolders are the folders whose entries are often links, beside the
// document root itself.
var linkFolders = map[string][]string{
	AppWordPress: {"wp-content", "wp-content/plugins", "wp-content/themes", "wp-content/mu-plugins"},
	AppDrupal:    {"sites/default", "modules", "themes", "sites/all/modules", "sites/all/themes"},
}

// externalLinks lists the links at the top of a document root, and in the
// folders of plugins and themes, that lead out of it. Links deeper down are
// found by whoever serves them.
func externalLinks(a App) []Link {
	root, err := filepath.EvalSymlinks(a.Docroot)
	if err != nil {
		return nil
	}
	var links []Link
	for _, folder := range append([]string{"."}, linkFolders[a.Kind]...) {
		for _, e := range readFolder(filepath.Join(root, folder)) {
			if e.Type()&fs.ModeSymlink == 0 {
				continue
			}
			name := filepath.Join(root, folder, e.Name())
			target, err := filepath.EvalSymlinks(name)
			if err != nil || inside(root, target) {
				continue // a dangling link leads nowhere
			}
			links = append(links, Link{
				Name:    "/" + filepath.ToSlash(filepath.Join(folder, e.Name())),
				Target:  target,
				Allowed: !inside(target, root) && mayFollow(name, target),
			})
			if len(links) == linksMax {
				return links
			}
		}
	}
	return links
}

// inside tells whether path is dir or below it; both are absolute and clean.
func inside(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
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
