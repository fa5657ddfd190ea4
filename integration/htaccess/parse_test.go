//go:build linux

package htaccess_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The case files of testdata have this form:
//
//	=== NAME [TREE...]
//	text of the root's .htaccess
//	--- file PATH            text of another file up to the next mark
//	--- files PATH PATH...   files of the usual content (see plain)
//	--- link PATH TARGET
//	--- get [SET...]         requests up to the next mark, after those of the sets
//
// A request is a line "[METHOD] TARGET | Field: value | body=TEXT"; GET is
// understood. trees.txt and requests.txt hold the named trees and sets:
//
//	=== NAME
//	line after line

// blocks splits a text at its "=== " lines: name line and the lines below.
func blocks(text string) (heads []string, bodies [][]string) {
	for _, line := range strings.Split(text, "\n") {
		if head, ok := strings.CutPrefix(line, "=== "); ok {
			heads, bodies = append(heads, head), append(bodies, nil)
			continue
		}
		if n := len(bodies); n > 0 {
			bodies[n-1] = append(bodies[n-1], line)
		}
	}
	return heads, bodies
}

// library is what case files refer to by name.
type library struct {
	trees map[string][]treeFile
	sets  map[string][]request
}

func loadLibrary() (*library, error) {
	l := &library{map[string][]treeFile{}, map[string][]request{}}
	text, err := os.ReadFile("testdata/trees.txt")
	if err != nil {
		return nil, err
	}
	heads, bodies := blocks(string(text))
	for i, name := range heads {
		for _, line := range bodies[i] {
			if from, to, ok := strings.Cut(line, " -> "); ok {
				l.trees[name] = append(l.trees[name], treeFile{path: from, link: to})
			} else if line != "" {
				l.trees[name] = append(l.trees[name], plain(line))
			}
		}
	}
	if text, err = os.ReadFile("testdata/requests.txt"); err != nil {
		return nil, err
	}
	heads, bodies = blocks(string(text))
	for i, name := range heads {
		for _, line := range bodies[i] {
			if line != "" {
				l.sets[name] = append(l.sets[name], parseRequest(line))
			}
		}
	}
	for path, source := range map[string]string{".htpw": "htpasswd", ".htgr": "htgroup"} {
		text, err := os.ReadFile("testdata/" + source)
		if err != nil {
			return nil, err
		}
		l.trees["auth"] = append(l.trees["auth"], treeFile{path: path, text: string(text)})
	}
	return l, nil
}

// parseRequest reads one line.
func parseRequest(line string) request {
	parts := strings.Split(line, " | ")
	r := request{method: "GET", target: parts[0], host: "example.com"}
	if method, target, ok := strings.Cut(parts[0], " "); ok {
		r.method, r.target = method, target
	}
	for _, p := range parts[1:] {
		if body, ok := strings.CutPrefix(p, "body="); ok {
			r.body = body
			continue
		}
		name, value, _ := strings.Cut(p, ": ")
		if name == "Host" {
			r.host = value
			continue
		}
		r.fields = append(r.fields, field{name, value})
	}
	return r
}

// tree returns the usual files and those of the named trees.
func (l *library) tree(names ...string) ([]treeFile, error) {
	var all []treeFile
	for _, name := range append([]string{"usual"}, names...) {
		files, ok := l.trees[name]
		if !ok {
			return nil, fmt.Errorf("htaccess: no tree is named %q", name)
		}
		all = append(all, files...)
	}
	return all, nil
}

// parseCase reads a block of a case file.
func (l *library) parseCase(head string, lines []string) (testCase, error) {
	words := strings.Fields(head)
	c := testCase{name: words[0]}
	var err error
	if c.files, err = l.tree(words[1:]...); err != nil {
		return c, fmt.Errorf("%w (case %s)", err, c.name)
	}
	part, body := []string{"file", ".htaccess"}, []string(nil)
	flush := func() error {
		text := strings.Join(body, "\n") + "\n"
		body = nil
		switch part[0] {
		case "file":
			c.files = append(c.files, treeFile{path: part[1], text: text})
		case "files":
			for _, path := range part[1:] {
				c.files = append(c.files, plain(path))
			}
		case "link":
			c.files = append(c.files, treeFile{path: part[1], link: part[2]})
		case "get":
			return l.addRequests(&c, part[1:], text)
		default:
			return fmt.Errorf("htaccess: case %s: mark %q", c.name, part[0])
		}
		return nil
	}
	for _, line := range lines {
		mark, ok := strings.CutPrefix(line, "--- ")
		if !ok {
			body = append(body, line)
			continue
		}
		if err := flush(); err != nil {
			return c, err
		}
		part = strings.Fields(mark)
	}
	if err := flush(); err != nil {
		return c, err
	}
	if len(c.requests) == 0 {
		return c, fmt.Errorf("htaccess: case %s has no requests", c.name)
	}
	return c, nil
}

func (l *library) addRequests(c *testCase, sets []string, text string) error {
	for _, name := range sets {
		set, ok := l.sets[name]
		if !ok {
			return fmt.Errorf("htaccess: case %s: no set of requests is named %q", c.name, name)
		}
		c.requests = append(c.requests, set...)
	}
	for _, line := range strings.Split(text, "\n") {
		if line != "" {
			c.requests = append(c.requests, parseRequest(line))
		}
	}
	return nil
}

// caseFile reads the cases of one file of testdata.
func (l *library) caseFile(path string) ([]testCase, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	subject := strings.TrimSuffix(filepath.Base(path), ".txt")
	var all []testCase
	heads, bodies := blocks(string(text))
	for i, head := range heads {
		c, err := l.parseCase(head, bodies[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		c.name = subject + "/" + c.name
		all = append(all, c)
	}
	return all, nil
}

// needLibrary is loadLibrary for a test.
func needLibrary(t testing.TB) *library {
	t.Helper()
	l, err := loadLibrary()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestParseCase(t *testing.T) {
	l := &library{
		map[string][]treeFile{"usual": {plain("index.php")}, "more": {plain("a.txt")}},
		map[string][]request{"two": {parseRequest("/1"), parseRequest("/2")}},
	}
	text := "=== name more\nOptions +Indexes\n--- file sub/.htaccess\nRequire all denied\n--- link l a.txt\n--- get two\n/3\nPOST /4 | Host: h | A: b | body=x=1"
	heads, bodies := blocks(text)
	c, err := l.parseCase(heads[0], bodies[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(c.files) != 5 || c.files[2].path != ".htaccess" || c.files[2].text != "Options +Indexes\n" || c.files[4].link != "a.txt" {
		t.Errorf("files %+v", c.files)
	}
	if len(c.requests) != 4 || c.requests[3].String() != "POST /4 | Host: h | A: b | body=x=1" {
		t.Errorf("requests %v", c.requests)
	}
	for _, bad := range []string{"=== n\nx", "=== n none\n--- get\n/", "=== n\n--- get none", "=== n\n--- what\n--- get\n/"} {
		heads, bodies := blocks(bad)
		if _, err := l.parseCase(heads[0], bodies[0]); err == nil {
			t.Errorf("parseCase(%q) is accepted", bad)
		}
	}
}
