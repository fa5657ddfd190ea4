package sluice

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var writeRules = flag.Bool("write", false, "rewrite the generated rules in .golangci.yml")

// rooms is the order of the house, top to bottom: an import may only point down
// to a later row. Rooms in one row do not see each other. This is the one place
// where the order is kept; docs/ARCHITECTURE.md prints it and the depguard rules
// in .golangci.yml are generated from it (go test -run TestDepguard . -write).
var rooms = [][]string{
	{"cmd"},
	{"sim"},
	{"host"},
	{"admin"},
	{"front"},
	{"site"},
	{"php", "cgid", "proxied"},
	{"responder"},
	{"session"},
	{"gateway"},
	{"cache"},
	{"rewrite"},
	{"static"},
	{"cgi", "listing"},
	{"fcgi"},
	{"spool"},
	{"http1", "http2"},
	{"loop", "watch"},
	{"conf"},
	{"accesslog"},
	{"message"},
}

// outside are the rooms that know the built program only. Their code imports
// nothing of ours; nothing imports them.
var outside = []string{"bench", "integration"}

// examples is the room of programs that use the library, which is the root.
const examples = "examples"

// closedTo lists imports that point down and are wrong all the same.
var closedTo = map[string][]string{
	// Tests only.
	"sim": {"cmd"},
	// Only who answers requests logs them.
	"accesslog": {"site", "php", "cgid", "proxied", "responder", "session", "gateway", "cache", "rewrite", "static", "cgi", "fcgi", "spool", "http1", "http2", "loop", "conf"},
	// Packages take their own Options; whoever wires them translates.
	"conf": {"php", "cgid", "proxied", "responder", "session", "gateway", "cache", "rewrite", "static", "cgi", "fcgi", "spool", "http1", "http2", "loop"},
	// The wire formats move no bytes themselves.
	"loop": {"http1", "http2", "rewrite", "cgi", "cache"},
}

const (
	fileLinesMax     = 500
	functionLinesMax = 70
)

// source is a parsed Go file.
type source struct {
	path string // from the root, with slashes
	room string // "" for the root
	test bool
	file *ast.File
	set  *token.FileSet
}

func (s source) generated() bool { return strings.HasPrefix(filepath.Base(s.path), "z") }

// sources parses all Go files, whatever their build tags.
func sources(t *testing.T) []source {
	t.Helper()
	var list []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != "." && (strings.HasPrefix(name, ".") || slices.Contains([]string{"testdata", "artifacts", "bin"}, name)) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		slash := filepath.ToSlash(path)
		list = append(list, source{slash, roomOf(slash), strings.HasSuffix(name, "_test.go"), file, set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 5 {
		t.Fatalf("found only %d Go files", len(list))
	}
	return list
}

// roomOf names the top folder of a path inside the module, "" for the root.
func roomOf(path string) string {
	room, _, nested := strings.Cut(path, "/")
	if !nested && strings.HasSuffix(room, ".go") {
		return ""
	}
	return room
}

// row is a room's place in the order, -1 if it has none.
func row(room string) int {
	return slices.IndexFunc(rooms, func(r []string) bool { return slices.Contains(r, room) })
}

// faultOf says what is wrong with an import, "" if it is allowed.
func faultOf(from, to string) string {
	switch {
	case from == to:
		return ""
	case from == "" && slices.Contains([]string{"host", "conf", "session"}, to):
		return ""
	case from == "":
		return "the root imports host, conf and session only"
	case from == examples && to == "":
		return ""
	case from == examples:
		return "examples know the library only"
	case to == "":
		return "the root is for programs that embed sluice"
	case to == examples:
		return "nothing imports examples"
	case slices.Contains(outside, from):
		return from + " knows the built program only"
	case slices.Contains(outside, to):
		return "nothing imports " + to
	case row(from) < 0:
		return fmt.Sprintf("%s is not in the table in layout_test.go", from)
	case row(to) < 0:
		return fmt.Sprintf("%s is not in the table in layout_test.go", to)
	case row(to) < row(from):
		return "the import points up"
	case row(to) == row(from):
		return "the import points sideways"
	case slices.Contains(closedTo[to], from):
		return fmt.Sprintf("%s is closed to %s", to, from)
	}
	return ""
}

func TestImportsPointDown(t *testing.T) {
	for _, s := range sources(t) {
		if s.room != "" && s.room != examples && row(s.room) < 0 && !slices.Contains(outside, s.room) {
			t.Errorf("%s: folder %s is not in the table in layout_test.go", s.path, s.room)
			continue
		}
		for _, spec := range s.file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			inside, ours := strings.CutPrefix(path, "sluice/")
			switch {
			case path == "sluice":
				inside = "x.go" // a file of the root
			case !ours:
				continue
			}
			if fault := faultOf(s.room, roomOf(inside)); fault != "" {
				t.Errorf("%v: import %q: %s", s.set.Position(spec.Pos()), path, fault)
			}
		}
	}
}

func TestFaultOf(t *testing.T) {
	for _, tt := range []struct{ from, to, want string }{
		{"site", "static", ""},
		{"site", "site", ""},
		{"cmd", "message", ""},
		{"front", "accesslog", ""},
		{"loop", "site", "the import points up"},
		{"http1", "http2", "the import points sideways"},
		{"http1", "accesslog", "accesslog is closed to http1"},
		{"bench", "loop", "bench knows the built program only"},
		{"cmd", "integration", "nothing imports integration"},
		{"util", "loop", "util is not in the table in layout_test.go"},
		{"cmd", "util", "util is not in the table in layout_test.go"},
		{"", "host", ""},
		{"", "loop", "the root imports host, conf and session only"},
		{"cmd", "host", ""},
		{"front", "host", "the import points up"},
		{"examples", "", ""},
		{"examples", "host", "examples know the library only"},
		{"cmd", "", "the root is for programs that embed sluice"},
		{"host", "examples", "nothing imports examples"},
	} {
		if got := faultOf(tt.from, tt.to); got != tt.want {
			t.Errorf("faultOf(%q, %q) = %q, want %q", tt.from, tt.to, got, tt.want)
		}
	}
}

// Folders are at most two levels deep: one idea, one folder.
func TestFoldersAreShallow(t *testing.T) {
	for _, s := range sources(t) {
		if strings.Count(s.path, "/") > 2 {
			t.Errorf("%s: more than two folders deep", s.path)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		dir := filepath.ToSlash(filepath.Dir(s.path))
		if !s.test {
			documented[dir] = documented[dir] || s.file.Doc != nil
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no file has a package comment", dir)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.generated() {
			continue
		}
		tokens := s.set.File(s.file.Pos())
		if n := tokens.LineCount(); n > fileLinesMax {
			t.Errorf("%s: %d lines, at most %d", s.path, n, fileLinesMax)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			var body *ast.BlockStmt
			switch f := n.(type) {
			case *ast.FuncDecl:
				body = f.Body
			case *ast.FuncLit:
				body = f.Body
			}
			if body == nil {
				return true
			}
			lines := tokens.Line(body.Rbrace) - tokens.Line(n.Pos()) + 1
			if lines > functionLinesMax {
				t.Errorf("%v: function of %d lines, at most %d", s.set.Position(n.Pos()), lines, functionLinesMax)
			}
			return true
		})
	}
}

// Every room that exists is explained.
func TestArchitectureNamesEveryRoom(t *testing.T) {
	text, err := os.ReadFile("docs/ARCHITECTURE.md")
	if err != nil {
		t.Skip(err)
	}
	seen := map[string]bool{"": true}
	for _, s := range sources(t) {
		name := s.room
		if name == "cmd" {
			name = "cmd/sluice"
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		if !bytes.Contains(text, []byte("`"+name+"`")) {
			t.Errorf("docs/ARCHITECTURE.md does not name `%s`", name)
		}
	}
}

const (
	rulesBegin = "        # Begin of the rooms: generated, see layout_test.go.\n"
	rulesEnd   = "        # End of the rooms.\n"
)

// depguardRules prints the table as golangci-lint's rules.
func depguardRules() []byte {
	var b bytes.Buffer
	b.WriteString(rulesBegin)
	all := append(append([]string{""}, slices.Concat(rooms...)...), append(slices.Clone(outside), examples)...)
	for _, from := range all {
		name, files := from, from+"/**"
		if from == "" {
			name, files = "root", "*.go"
		}
		fmt.Fprintf(&b, "        room-%s:\n          list-mode: lax\n          files: [\"${base-path}/%s\"]\n          deny:\n", name, files)
		for _, to := range all {
			pkg := "sluice/" + to
			if to == "" {
				pkg = "sluice$"
			}
			if fault := faultOf(from, to); fault != "" {
				fmt.Fprintf(&b, "            - {pkg: %s, desc: %s}\n", pkg, fault)
			}
		}
	}
	b.WriteString(rulesEnd)
	return b.Bytes()
}

func TestDepguardRulesAreTheTable(t *testing.T) {
	const name = ".golangci.yml"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	from, to := bytes.Index(text, []byte(rulesBegin)), bytes.Index(text, []byte(rulesEnd))
	if from < 0 || to < from {
		t.Fatalf("%s: no generated part", name)
	}
	to += len(rulesEnd)
	want := depguardRules()
	if bytes.Equal(text[from:to], want) {
		return
	}
	if !*writeRules {
		t.Fatalf("%s: the rooms differ from the table; run go test -run TestDepguard . -write", name)
	}
	if err := os.WriteFile(name, slices.Concat(text[:from], want, text[to:]), 0o644); err != nil {
		t.Fatal(err)
	}
}
