package cgid

import (
	"net/url"
	"strings"
)

// shellCharacters are those that Apache puts a backslash before, for the sake of
// scripts that hand their arguments to a shell.
const shellCharacters = "&;`'\"|*?~<>^()[]{}$\\\n\r"

// arguments are the words of an indexed query (RFC 3875 §4.4): one of a GET or
// HEAD request, without "=". Apache passes them on, also those that begin with
// "-", which many a program takes for an option (CVE-2012-1823 is PHP's).
//
// "If the server cannot create any part of the argument list, then the server
// MUST NOT generate any command-line information": one word that is an option,
// or that Apache would have had to escape, and there are none. QUERY_STRING has
// them all the same.
func (req *request) arguments() []string {
	q := req.query
	if (req.method != "GET" && req.method != "HEAD") || q == "" || len(q) > argumentsBytesMax || strings.ContainsRune(q, '=') {
		return nil
	}
	words := strings.Split(q, "+")
	if len(words) > argumentsMax {
		return nil
	}
	for i, w := range words {
		word, err := url.PathUnescape(w)
		if err != nil || strings.HasPrefix(word, "-") || strings.ContainsAny(word, shellCharacters) || hasControl(word) {
			return nil
		}
		words[i] = word
	}
	return words
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7F {
			return true
		}
	}
	return false
}
