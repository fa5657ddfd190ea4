package conf

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// resolvePath makes a relative path absolute; the words that stand in place of
// a file stay.
func resolvePath(base, s string) string {
	switch s {
	case "", "-", "off":
		return s
	}
	if filepath.IsAbs(s) {
		return filepath.Clean(s)
	}
	return filepath.Join(base, s)
}

// resolveUnix makes the path in unix:PATH absolute.
func resolveUnix(base, s string) string {
	if path, ok := strings.CutPrefix(s, unixPrefix); ok && path != "" {
		return unixPrefix + resolvePath(base, path)
	}
	return s
}

// resolvePHP makes the path of a php-cgi or a socket absolute.
func resolvePHP(base, s string) string {
	if strings.HasPrefix(s, unixPrefix) {
		return resolveUnix(base, s)
	}
	if strings.HasPrefix(s, "tcp:") || !isPath(s) {
		return s
	}
	return resolvePath(base, s)
}

func notEmpty(s string) error {
	if s == "" {
		return errors.New("must not be empty")
	}
	return nil
}

// checkURLPath wants a clean decoded path that starts with "/" and names
// something.
func checkURLPath(s string) error {
	switch {
	case !strings.HasPrefix(s, "/"):
		return fmt.Errorf("path %q does not start with \"/\"; did you mean %q?", s, "/"+s)
	case s == "/":
		return errors.New("path \"/\" names no file")
	case !printable(s) || strings.Contains(s, `\`):
		return fmt.Errorf("path %q has a control character or backslash", s)
	case strings.Contains(s, "//") || strings.Contains(s+"/", "/../") || strings.Contains(s+"/", "/./"):
		return fmt.Errorf("path %q has an empty, \".\" or \"..\" segment", s)
	case strings.ContainsAny(s, "?#"):
		return fmt.Errorf("path %q has a query or fragment", s)
	}
	return nil
}
