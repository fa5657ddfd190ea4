//go:build linux

package htaccess_test

import (
	"path/filepath"
	"testing"
)

// requestsMin is how many requests of our own making the tests here must hold.
const requestsMin = 3000

// notCases are the files of testdata that hold no cases.
var notCases = map[string]bool{"trees.txt": true, "requests.txt": true}

// ownCases are the directed cases and the products.
func ownCases(t testing.TB) []testCase {
	t.Helper()
	l := needLibrary(t)
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := products(l)
	for _, path := range paths {
		if notCases[filepath.Base(path)] {
			continue
		}
		cases, err := l.caseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cases...)
	}
	return all
}

// TestDirected compares the two servers over the cases written for each
// directive.
func TestDirected(t *testing.T) {
	cases := ownCases(t)
	total := 0
	for _, c := range cases {
		total += len(c.requests)
	}
	if total < requestsMin {
		t.Errorf("only %d requests of our own, want at least %d", total, requestsMin)
	}
	runCases(t, cases, ownAsked)
}
