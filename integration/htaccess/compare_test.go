//go:build linux

package htaccess_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// diff is one thing in which two answers differ.
type diff struct {
	level     int
	what      string
	want, got string
}

// outcome is a request and its differences.
type outcome struct {
	name    string
	rules   string // the case's .htaccess files
	request request
	diffs   []diff
	err     error // errNoOracle, or nil
}

// errNoOracle says that there is nothing to compare with.
var errNoOracle = errors.New("apache gave no answer")

// ownHeaders are between each server and its client: no directive sets them.
var ownHeaders = map[string]bool{
	"Date": true, "Server": true, "Connection": true, "Keep-Alive": true, "Upgrade": true,
	"Content-Length": true, "Transfer-Encoding": true, "Accept-Ranges": true,
	"Location": true, // level 1
}

// ownVariables differ between any two servers, or are facts of this test's.
var ownVariables = map[string]bool{
	"SERVER_SOFTWARE": true, "SERVER_SIGNATURE": true, "SERVER_ADMIN": true, "SERVER_ADDR": true,
	"SERVER_PORT": true, "REMOTE_PORT": true, "REMOTE_ADDR": true, "UNIQUE_ID": true,
	"REQUEST_TIME": true, "REQUEST_TIME_FLOAT": true,
	// of the FPM, of the process, and a trace of mod_proxy's
	"PATH": true, "USER": true, "HOME": true, "FCGI_ROLE": true, "proxy-nokeepalive": true,
}

// coreVariables belong to level 1.
var coreVariables = []string{"REQUEST_URI", "QUERY_STRING", "SCRIPT_NAME", "PATH_INFO", "REQUEST_METHOD"}

var escapes = regexp.MustCompile(`%[0-9a-fA-F]{2}`)

// differences collects what differs.
type differences []diff

func (d *differences) add(level int, what, want, got string) {
	if want != got {
		*d = append(*d, diff{level, what, want, got})
	}
}

// compare lists in what got differs from want, Apache's answer.
func compare(want, got *answer) []diff {
	var d differences
	if want.err != nil || got.err != nil {
		d.add(1, "answer", fmt.Sprint(want.err), fmt.Sprint(got.err))
		return d
	}
	d.add(1, "status", fmt.Sprint(want.status), fmt.Sprint(got.status))
	d.add(1, "kind", want.rough(), got.rough())
	d.add(1, "Location", want.location(), got.location())
	d.add(1, "static", want.static, got.static)
	d.add(1, "listing", strings.Join(want.listing, " "), strings.Join(got.listing, " "))
	d.add(1, "text", want.text, got.text)
	if want.kind == "probe" || got.kind == "probe" {
		d.add(1, "script", want.probe.Probe, got.probe.Probe)
		d.add(1, "body", fmt.Sprint(want.probe.Body), fmt.Sprint(got.probe.Body))
		d.add(1, "memory_limit", fmt.Sprint(want.probe.Memory), fmt.Sprint(got.probe.Memory))
		for _, name := range coreVariables {
			d.add(1, name, want.variable(name), got.variable(name))
		}
	}
	compareHeaders(&d, want, got)
	if want.kind == "probe" && got.kind == "probe" {
		compareServer(&d, want, got)
	}
	return d
}

// rough is the kind with those taken together that mean "no file".
func (a *answer) rough() string {
	if a.kind == "empty" || a.kind == "other" {
		return "nonfile"
	}
	return a.kind
}

// location is the Location with its escapes in one case.
func (a *answer) location() string {
	return escapes.ReplaceAllStringFunc(a.field("Location"), strings.ToUpper)
}

func (a *answer) variable(name string) string {
	if v, ok := a.probe.Server[name]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

func compareHeaders(d *differences, want, got *answer) {
	for _, name := range unionKeys(want.header, got.header) {
		switch {
		case ownHeaders[name]:
		case name == "Content-Type" && want.status >= 300 && want.kind != "probe" && want.kind != "static":
			// The page is the server's own.
		case name == "Vary" || name == "Allow":
			d.add(2, name, sortedList(want.field(name)), sortedList(got.field(name)))
		default:
			d.add(2, name, present(want.header, name), present(got.header, name))
		}
	}
}

func present(h http.Header, name string) string {
	if values, ok := h[name]; ok {
		return fmt.Sprintf("%q", strings.Join(values, ", "))
	}
	return "absent"
}

func unionKeys[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// sortedList makes lists equal whose members are.
func sortedList(v string) string {
	members := strings.Split(strings.ToLower(strings.ReplaceAll(v, " ", "")), ",")
	slices.Sort(members)
	return strings.Join(slices.Compact(members), ",")
}

func compareServer(d *differences, want, got *answer) {
	for _, name := range unionKeys(want.probe.Server, got.probe.Server) {
		if ownVariables[name] || slices.Contains(coreVariables, name) {
			continue
		}
		if name == "PATH_TRANSLATED" && strings.HasPrefix(want.variable(name), "redirect:") {
			continue // no place at all, see SEMANTICS.md §5
		}
		d.add(3, "$_SERVER "+name, said(want, name), said(got, name))
	}
	d.add(3, "cwd", want.probe.Cwd, got.probe.Cwd)
	d.add(3, "$_GET", fmt.Sprint(want.probe.Get), fmt.Sprint(got.probe.Get))
	d.add(3, "$_COOKIE", fmt.Sprint(want.probe.Cookie), fmt.Sprint(got.probe.Cookie))
}

func said(a *answer, name string) string {
	if v, ok := a.probe.Server[name]; ok {
		return fmt.Sprintf("%q", fmt.Sprint(v))
	}
	return "absent"
}

// least is the lowest level at which an outcome differs, 4 if at none.
func (o outcome) least() int {
	lowest := 4
	for _, d := range o.diffs {
		lowest = min(lowest, d.level)
	}
	return lowest
}
