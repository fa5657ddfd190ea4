package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sluice/conf"
	"sluice/rewrite"
)

// htaccessBytesMax is one more than what a .htaccess may have, so that one that
// is too large is refused as it is while serving.
const htaccessBytesMax = 4<<20 + 1

// htaccessCheck gathers what is to be said of .htaccess files.
type htaccessCheck struct {
	good     string // of the configuration
	files    int
	seen     map[string]bool
	findings []rewrite.Finding
}

// walk checks the files of a folder and of those below it, but not behind
// symbolic links: those are checked where they really are.
func (c *htaccessCheck) walk(root string, dialect *rewrite.Dialect) error {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return exitWith(exitConfig, err)
	}
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			c.add(rewrite.Finding{File: path, Directive: "folder", Message: err.Error(), Level: rewrite.Warning})
			return nil
		}
		if d.IsDir() || d.Name() != ".htaccess" {
			return nil
		}
		info, err := os.Stat(path) // serving follows a link to a file, too
		if err == nil && info.IsDir() || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !c.seen[path] { // two sites may share a folder
			c.seen[path] = true
			c.files++
		}
		text, err := readHtaccess(path)
		if err != nil {
			c.add(rewrite.Finding{File: path, Directive: ".htaccess", Message: err.Error(), Level: rewrite.Broken})
			return nil
		}
		c.findings = append(c.findings, rewrite.CompileAll(text, path, filepath.Dir(path), dialect).Findings...)
		return nil
	})
}

// links warns of the symbolic links that a site has and does not follow.
func (c *htaccessCheck) links(s *conf.Site) {
	for _, l := range s.Refused {
		c.add(rewrite.Finding{
			File: filepath.Join(s.Root, filepath.FromSlash(l.Name)), Directive: "symlinks", Level: rewrite.Warning,
			Message: fmt.Sprintf("leads out of the document root to %s and is not followed (%s); if it shall be: follow_into = [%q]", l.Target, l.Why, l.Target),
		})
	}
}

func (c *htaccessCheck) add(f rewrite.Finding) { c.findings = append(c.findings, f) }

func readHtaccess(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, htaccessBytesMax))
	return string(b), err
}

// sort puts the findings in the order of their places, each once.
func (c *htaccessCheck) sort() {
	slices.SortStableFunc(c.findings, func(a, b rewrite.Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	c.findings = slices.Compact(c.findings)
}

func (c *htaccessCheck) count(l rewrite.Level) int {
	n := 0
	for _, f := range c.findings {
		if f.Level == l {
			n++
		}
	}
	return n
}
