//go:build linux

package htaccess_test

import (
	"slices"
	"strings"
)

// reason explains a difference that is known and wanted, or cannot be helped.
type reason struct {
	text string
	is   func(o outcome, d diff) bool
}

// reasons are asked in turn; the first that knows the difference explains it.
var reasons = []reason{
	{"a handler that runs no script makes Apache send the PHP source; sluice refuses it", func(o outcome, d diff) bool {
		return d.what == "status" && d.want == "200" && d.got == "403" && sourceSent(o)
	}},
	{"this Apache has no mod_proxy_http, so [P] is a 500 before anything is tried", func(o outcome, d diff) bool {
		return d.what == "status" && d.want == "500" && (d.got == "502" || d.got == "503") && strings.Contains(o.rules, "[P]")
	}},
	{"names that begin with .ht are hidden whatever their case", func(o outcome, d diff) bool {
		path := strings.ToLower(o.request.target)
		return d.what == "status" && d.got == "403" && strings.Contains(path, "/.ht") && path != o.request.target
	}},
	{"LimitRequestBody also holds for scripts, where mod_proxy_fcgi reads past it", func(o outcome, d diff) bool {
		return d.what == "status" && d.got == "413" && strings.Contains(o.rules, "LimitRequestBody")
	}},
	{"php-cgi adds the environment of its own process, which php-fpm clears", func(_ outcome, d diff) bool {
		name, ok := strings.CutPrefix(d.what, "$_SERVER ")
		return ok && d.want == "absent" && slices.Contains(processVariables, name)
	}},
}

// processVariables steer php-cgi or its system.
var processVariables = []string{"LANG", "LANGUAGE", "TZ", "PHP_FCGI_CHILDREN", "PHP_FCGI_MAX_REQUESTS", "PHP_INI_SCAN_DIR"}

// sourceSent says whether Apache sent a script instead of running it.
func sourceSent(o outcome) bool {
	return slices.ContainsFunc(o.diffs, func(d diff) bool {
		return d.what == "text" && strings.HasPrefix(d.want, "<?php")
	})
}

// reasonOf is "" for a difference nobody has explained.
func reasonOf(o outcome, d diff) string {
	for _, r := range reasons {
		if r.is(o, d) {
			return r.text
		}
	}
	return ""
}
