package site

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// FolderMatcher is a Matcher that knows which folders it matches as a whole.
type FolderMatcher interface {
	Matcher
	// Folders are their paths, with * and ? for parts of a segment.
	Folders() []string
}

// RealRoot is a folder of a site's URL space where it really lies.
type RealRoot struct {
	Prefix string // as in Root
	Dir    string // slash-separated, without symlinks
}

// Scriptless are the places where no script runs, by the paths that they have without
// symlinks, slash-separated.
type Scriptless struct {
	list    Matcher
	roots   []RealRoot
	folders []string
}

// NewScriptless finds where the folders of a list lie now. Of the roots the document
// root is the first, then come aliases, the longest prefix first. It asks the file
// system.
func NewScriptless(list FolderMatcher, roots []RealRoot) *Scriptless {
	s := &Scriptless{list: list, roots: roots}
	for _, folder := range list.Folders() {
		root, rel := roots[0], folder
		for _, r := range roots[1:] {
			if rest, ok := strings.CutPrefix(folder, r.Prefix); ok && (rest == "" || rest[0] == '/') {
				root, rel = r, rest
				break
			}
		}
		if root.Dir != "" {
			s.add(root.Dir, strings.TrimPrefix(rel, "/"))
		}
	}
	return s
}

// add adds the folders like pattern in dir.
func (s *Scriptless) add(dir, pattern string) {
	names := []string{pattern}
	if strings.ContainsAny(pattern, "*?") {
		literal := strings.NewReplacer(`\`, `\\`, `[`, `\[`)
		names, _ = fs.Glob(os.DirFS(filepath.FromSlash(dir)), literal.Replace(pattern)) // a folder that can't be read has none
	}
	for _, name := range names {
		if len(s.folders) == scriptlessFoldersMax {
			return
		}
		if real, err := filepath.EvalSymlinks(filepath.FromSlash(path.Join(dir, name))); err == nil {
			s.folders = append(s.folders, filepath.ToSlash(real))
		}
	}
}

// Holds tells whether no script runs at a path without symlinks, which was asked for
// as rel ("/name") in the root that lies in dir.
func (s *Scriptless) Holds(real, dir, rel string) bool {
	if rest, ok := strings.CutPrefix(real, dir); ok && rest == rel {
		// No symlink gave it another name, but one may lead others here. A root that
		// is configured within such a folder has rules of its own.
		return s.below(real, len(dir))
	}
	for _, r := range s.roots {
		rest, ok := strings.CutPrefix(real, r.Dir)
		if ok && r.Dir != "" && strings.HasPrefix(rest, "/") && s.list.Match(r.Prefix+rest) {
			return true
		}
	}
	return s.below(real, 0)
}

// below tells whether a path is in one of the folders whose own is no shorter than n.
func (s *Scriptless) below(real string, n int) bool {
	for _, folder := range s.folders {
		if rest, ok := strings.CutPrefix(real, folder); ok && len(folder) >= n && strings.HasPrefix(rest, "/") {
			return true
		}
	}
	return false
}
