package rewrite

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
)

type replayDiff struct {
	level     int
	what      string
	want, got any
}

var replayIgnore = map[string]bool{}

func init() {
	for _, k := range strings.Fields("SERVER_SOFTWARE SERVER_SIGNATURE SERVER_ADMIN SERVER_ADDR SERVER_PORT REMOTE_PORT REQUEST_TIME REQUEST_TIME_FLOAT UNIQUE_ID PATH USER HOME FCGI_ROLE REMOTE_ADDR proxy-nokeepalive SSL_TLS_SNI REDIRECT_SSL_TLS_SNI REQUEST_URI QUERY_STRING SCRIPT_NAME PATH_INFO REQUEST_METHOD") {
		replayIgnore[k] = true
	}
}

func compareAnswers(w, g *replayAnswer) []replayDiff {
	var d []replayDiff
	add := func(level int, what string, want, got any) {
		if fmt.Sprint(want) != fmt.Sprint(got) {
			d = append(d, replayDiff{level, what, want, got})
		}
	}
	kind := func(k string) string {
		if k == "error" || k == "empty" || k == "other" {
			return "nonfile"
		}
		return k
	}
	upper := func(s string) string {
		return regexp.MustCompile(`%[0-9a-fA-F]{2}`).ReplaceAllStringFunc(s, strings.ToUpper)
	}
	add(1, "status", w.Status, g.Status)
	add(1, "kind", kind(w.Kind), kind(g.Kind))
	add(1, "location", upper(w.Headers["location"]), upper(g.Headers["location"]))
	if w.Kind == "probe" || g.Kind == "probe" {
		add(1, "probe", w.Probe, g.Probe)
		add(1, "input_len", w.InputLen, g.InputLen)
		for _, k := range []string{"REQUEST_URI", "QUERY_STRING", "SCRIPT_NAME", "PATH_INFO", "REQUEST_METHOD"} {
			add(1, k, empty(w.Server[k]), empty(g.Server[k]))
		}
	}
	add(1, "static", w.Static, g.Static)
	if w.Kind == "error" {
		add(1, "text", w.Text, g.Text[:min(120, len(g.Text))])
	}
	compareHeaders(w, g, add)
	if w.Kind == "probe" && g.Kind == "probe" {
		keys := map[string]bool{}
		for k := range w.Server {
			keys[k] = true
		}
		for k := range g.Server {
			keys[k] = true
		}
		for k := range keys {
			if replayIgnore[k] || (k == "PATH_TRANSLATED" && strings.HasPrefix(fmt.Sprint(w.Server[k]), "redirect:")) {
				continue
			}
			add(3, k, w.Server[k], g.Server[k])
		}
		add(3, "cwd", w.Cwd, g.Cwd)
	}
	sort.Slice(d, func(i, j int) bool { return d[i].what < d[j].what })
	return d
}

func empty(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func compareHeaders(w, g *replayAnswer, add func(int, string, any, any)) {
	keys := map[string]bool{}
	for k := range w.Headers {
		keys[k] = true
	}
	for k := range g.Headers {
		keys[k] = true
	}
	set := func(s string) string {
		l := strings.Split(toLower(strings.ReplaceAll(s, " ", "")), ",")
		sort.Strings(l)
		return strings.Join(slices.Compact(l), ",")
	}
	for k := range keys {
		switch {
		case k == "location", k == "connection", k == "x-probe":
		case k == "content-type" && w.Status >= 300 && w.Kind != "probe" && w.Kind != "static":
		case k == "vary", k == "allow":
			add(2, k, set(w.Headers[k]), set(g.Headers[k]))
		default:
			add(2, "header "+k, w.Headers[k], g.Headers[k])
		}
	}
}
