package php

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// passedEnv are the variables of sluice's own environment that workers get.
var passedEnv = []string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LANGUAGE"}

// passedEnvWindows are those without which programs on Windows do not run.
var passedEnvWindows = []string{"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "TEMP", "TMP", "PATHEXT", "COMSPEC", "USERPROFILE"}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment returns what php starts with, sorted: the passed part of
// base, o.Env, and PHP's own switches. children is 0 for a process that serves by
// itself (PHP_FCGI_CHILDREN=1 would make a parent that does not serve).
func environment(base []string, o *Options, children int, scanDir string) []string {
	env := map[string]string{}
	for _, entry := range base {
		name, value, ok := strings.Cut(entry, "=")
		if ok && passes(name) {
			env[name] = value
		}
	}
	if _, ok := env["PATH"]; !ok && runtime.GOOS != "windows" {
		env["PATH"] = defaultPath
	}
	o.Account.set(env)
	maps.Copy(env, o.Env)
	// An empty element stands for the folder compiled into php.
	env["PHP_INI_SCAN_DIR"] = env["PHP_INI_SCAN_DIR"] + string(os.PathListSeparator) + scanDir
	if children > 0 {
		env["PHP_FCGI_CHILDREN"] = strconv.Itoa(children)
	}
	if o.Mode != ModeFPM {
		env["PHP_FCGI_MAX_REQUESTS"] = strconv.Itoa(o.requestsBackstop())
	}

	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

func passes(name string) bool {
	if slices.Contains(passedEnv, name) || strings.HasPrefix(name, "LC_") {
		return true
	}
	upper := strings.ToUpper(name)
	return runtime.GOOS == "windows" && (slices.Contains(passedEnv, upper) || slices.Contains(passedEnvWindows, upper))
}
