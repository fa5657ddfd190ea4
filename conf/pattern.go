package conf

import (
	"fmt"
	"strings"
)

// Patterns are sets of paths in a site's URL space, decoded and normalised.
//
// A pattern that starts with "/" names a file or folder from the root on, and
// everything below it: "/wp-content/uploads", "/sites/*/files". Any other
// pattern is a file or folder name at any depth: "*.inc", "composer.json". A
// "*" stands for any octets of one path segment, "?" for one. ASCII letters
// match in either case, so that no pattern is dodged on a file system that
// ignores case.
type Patterns []string

// Match tells whether a decoded, normalised path that starts with "/" is in the
// set. It does not allocate.
func (ps Patterns) Match(path string) bool {
	for _, p := range ps {
		if matchPattern(p, path) {
			return true
		}
	}
	return false
}

// Folders are the paths below which all is in the set, with * and ? for parts of
// their segments. Patterns of a name, wherever it is, tell none.
func (ps Patterns) Folders() (list []string) {
	for _, p := range ps {
		p = strings.TrimSuffix(p, "/*")
		if strings.HasPrefix(p, "/") {
			list = append(list, p)
		}
	}
	return list
}

func matchPattern(pattern, path string) bool {
	if strings.HasPrefix(pattern, "/") {
		return matchBelow(pattern[1:], path)
	}
	for rest, more := path, true; more; {
		var segment string
		segment, rest, more = cutSegment(rest)
		if segment != "" && matchSegment(pattern, segment) {
			return true
		}
	}
	return false
}

// matchBelow matches the segments of pattern against the first ones of path.
func matchBelow(pattern, path string) bool {
	for more := true; more; {
		var want, segment string
		want, pattern, more = cutSegment(pattern)
		for segment == "" { // "//" is one separator to the file system
			if path == "" {
				return false
			}
			segment, path, _ = cutSegment(path)
		}
		if !matchSegment(want, segment) {
			return false
		}
	}
	return true
}

func cutSegment(path string) (segment, rest string, more bool) {
	return strings.Cut(path, "/")
}

// matchSegment is a glob of * and ? in linear space and at most quadratic time.
func matchSegment(pattern, s string) bool {
	star, mark := -1, 0 // the last *, and how much of s it had taken
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || lower(pattern[p]) == lower(s[i])):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// parsePattern checks a pattern and takes a final "/" off.
func parsePattern(s string) (string, error) {
	p := strings.TrimRight(s, "/")
	switch {
	case p == "":
		return "", fmt.Errorf("pattern %q would match everything", s)
	case !printable(p):
		return "", fmt.Errorf("pattern %q has a control character", s)
	case !strings.HasPrefix(p, "/") && strings.Contains(p, "/"):
		return "", fmt.Errorf("pattern %q has a \"/\" inside but does not start with one; did you mean %q?", s, "/"+p)
	case strings.Contains(p, "//") || strings.Contains(p+"/", "/../") || strings.Contains(p+"/", "/./"):
		return "", fmt.Errorf("pattern %q has an empty, \".\" or \"..\" segment", s)
	case strings.Contains(p, "**"):
		return "", fmt.Errorf("pattern %q has \"**\"; a path pattern takes in everything below it anyway", s)
	case strings.ContainsAny(p, `[]{}\`):
		return "", fmt.Errorf("pattern %q has one of []{}\\; only * and ? are special", s)
	}
	return p, nil
}

// printable tells that s has no control characters.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return false
		}
	}
	return true
}
