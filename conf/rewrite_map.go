package conf

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
)

// mapFunctions are the internal ones that RewriteMap knows.
var mapFunctions = []string{"tolower", "toupper", "escape", "unescape"}

// mapKinds are the kinds of RewriteMaps.
var mapKinds = []string{"txt", "rnd", "int", "prg"}

// resolveMap makes the path in txt:FILE, rnd:FILE and prg:PROGRAM absolute.
func resolveMap(base, s string) string {
	kind, rest, _ := strings.Cut(s, ":")
	program, arguments := rest, ""
	if kind == "prg" {
		rest = strings.TrimSpace(rest)
		if i := strings.IndexAny(rest, " \t"); i >= 0 {
			program, arguments = rest[:i], rest[i:]
		} else {
			program = rest
		}
	}
	if program == "" || kind != "txt" && kind != "rnd" && kind != "prg" {
		return s
	}
	return kind + ":" + resolvePath(base, program) + arguments
}

func setRewriteMap(t target, name, value string) error {
	if name == "" || strings.ContainsAny(name, ":|{}$% \t\"'\\") || !printable(name) {
		return fmt.Errorf("%q can't be the name of a map", name)
	}
	kind, rest, ok := strings.Cut(value, ":")
	switch {
	case !ok || !slices.Contains(mapKinds, kind):
		msg := fmt.Sprintf("%s = %q: a map is %s", name, value, "txt:FILE, rnd:FILE, int:FUNCTION or prg:PROGRAM")
		if near := suggest(kind, mapKinds); ok && near != "" {
			msg += fmt.Sprintf("; did you mean %q?", near)
		}
		return fmt.Errorf("%s", msg)
	case kind == "int" && !slices.Contains(mapFunctions, rest):
		return fmt.Errorf("%s = %q: the functions are %s", name, value, strings.Join(mapFunctions, ", "))
	case rest == "" || !printable(rest):
		return fmt.Errorf("%s = %q names no file", name, value)
	}
	if t.site.RewriteMaps == nil {
		t.site.RewriteMaps = map[string]string{}
	}
	t.site.RewriteMaps[name] = value
	return nil
}

// checkMaps wants the files and programs of RewriteMaps.
func (dr *draft) checkMaps(site int) {
	list := dr.config.Sites[site].RewriteMaps
	for _, name := range slices.Sorted(maps.Keys(list)) {
		kind, file, _ := strings.Cut(list[name], ":")
		if kind == "int" {
			continue
		}
		if kind == "prg" {
			file = strings.Fields(file)[0]
		}
		key := "rewrite_maps." + name
		info, err := os.Stat(file)
		switch {
		case err != nil:
			dr.report(site, key, fmt.Sprintf("\"rewrite_maps\": %q: %v", file, reason(err)), err)
		case !info.Mode().IsRegular():
			dr.report(site, key, fmt.Sprintf("\"rewrite_maps\": %q is no file", file), nil)
		case kind == "prg" && runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
			dr.report(site, key, fmt.Sprintf("\"rewrite_maps\": %q cannot be executed; chmod +x it", file), nil)
		}
	}
}
