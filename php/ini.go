package php

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkIni refuses what an ini file cannot carry.
func checkIni(name, value string) error {
	valid := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
	}
	if name == "" || strings.ContainsFunc(name, func(c rune) bool { return !valid(c) }) {
		return fmt.Errorf("php: ini setting %q: a name has letters, digits, \"_\", \".\" and \"-\" only", name)
	}
	if strings.ContainsAny(value, "\x00\r\n") {
		return fmt.Errorf("php: ini setting %s: NUL or line break in value %q", name, value)
	}
	return nil
}

// renderIni returns the text of an ini file with these settings, sorted by name.
func renderIni(settings map[string]string) []byte {
	var b strings.Builder
	b.WriteString("; written by sluice, removed when it stops\n")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		b.WriteString(name)
		b.WriteString(" = ")
		b.WriteString(quoteIni(settings[name]))
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// quoteIni quotes a value so that PHP reads it back byte for byte: single quotes
// take everything but a single quote; double quotes need escapes.
func quoteIni(value string) string {
	if !strings.Contains(value, "'") {
		return "'" + value + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `${`, `\${`).Replace(value) + `"`
}
