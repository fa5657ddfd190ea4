//go:build linux

package htaccess_test

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// probeScript is the content of every script.
//
//go:embed testdata/probe.php
var probeScript string

// testCase is a tree of files and requests for it.
type testCase struct {
	name     string
	files    []treeFile
	requests []request
}

// treeFile is a file of a case's tree. A path ending in "/" is a folder; later
// entries of the same path replace earlier ones. @DOCROOT@ in text and link
// stands for the document root.
type treeFile struct {
	path string
	text string
	link string // target of a symbolic link
}

// rules are the case's .htaccess files, for reports.
func (c *testCase) rules() string {
	var b strings.Builder
	for _, f := range c.files {
		if dir, ok := strings.CutSuffix(f.path, ".htaccess"); ok {
			if dir != "" {
				fmt.Fprintf(&b, "# %s\n", f.path)
			}
			b.WriteString(f.text)
		}
	}
	return b.String()
}

// treeTime is the modification time of all files, so that Last-Modified and
// "modification plus" are the same on each run.
var treeTime = time.Unix(1700000000, 0)

// plain makes the file that a bare name stands for: scripts are probes, all
// else says its own name.
func plain(path string) treeFile {
	switch filepath.Ext(path) {
	case ".php", ".phtml", ".phar":
		return treeFile{path: path, text: probeScript}
	}
	return treeFile{path: path, text: "STATIC " + path + "\n"}
}

// place makes the case's tree beside root and moves it there.
func (c *testCase) place(root string) error {
	fresh, old := root+".new", root+".old"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("htaccess: case %s: %w", c.name, err)
	}
	if err := c.build(fresh, root); err != nil {
		return fmt.Errorf("htaccess: case %s: %w", c.name, err)
	}
	if err := os.Rename(root, old); err != nil {
		return fmt.Errorf("htaccess: case %s: %w", c.name, err)
	}
	if err := os.Rename(fresh, root); err != nil {
		return fmt.Errorf("htaccess: case %s: %w", c.name, err)
	}
	return os.RemoveAll(old)
}

// build writes the tree to dir; its texts speak of root.
func (c *testCase) build(dir, root string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	last := map[string]int{}
	for i, f := range c.files {
		last[f.path] = i
	}
	for i, f := range c.files {
		if last[f.path] != i {
			continue
		}
		if err := f.write(filepath.Join(dir, f.path), root); err != nil {
			return err
		}
	}
	return nil
}

func (f treeFile) write(path, root string) error {
	if strings.HasSuffix(f.path, "/") {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if f.link != "" {
		return os.Symlink(strings.ReplaceAll(f.link, "@DOCROOT@", root), path)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(f.text, "@DOCROOT@", root)), 0o644); err != nil {
		return err
	}
	return os.Chtimes(path, treeTime, treeTime)
}

// request is one line to a server and what goes with it.
type request struct {
	method string
	target string
	host   string
	fields []field
	body   string
}

type field struct{ name, value string }

// get returns a field of the request, "" when absent.
func (r request) get(name string) (string, bool) {
	for _, f := range r.fields {
		if strings.EqualFold(f.name, name) {
			return f.value, true
		}
	}
	return "", false
}

// String is the form of the case files.
func (r request) String() string {
	parts := []string{r.method + " " + r.target}
	if r.host != "example.com" {
		parts = append(parts, "Host: "+r.host)
	}
	for _, f := range r.fields {
		parts = append(parts, f.name+": "+f.value)
	}
	if r.body != "" {
		parts = append(parts, "body="+r.body)
	}
	return strings.Join(parts, " | ")
}

// wire is the request as sent. A User-Agent "-" means none.
func (r request) wire() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, r.target, r.host)
	for _, f := range r.fields {
		if f.value != "-" {
			fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value)
		}
	}
	for _, f := range []field{{"User-Agent", "htaccess/1"}, {"Accept", "*/*"}} {
		if _, ok := r.get(f.name); !ok {
			fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value)
		}
	}
	if r.body != "" || r.method == "POST" || r.method == "PUT" {
		if _, ok := r.get("Content-Type"); !ok {
			b.WriteString("Content-Type: application/x-www-form-urlencoded\r\n")
		}
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	b.WriteString("Connection: close\r\n\r\n" + r.body)
	return b.String()
}
