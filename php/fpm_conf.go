package php

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// fpmConf is what php-fpm's configuration file is made of.
type fpmConf struct {
	opts         *Options
	listen       string // the name of the socket that it inherits
	statusListen string // "" if this php-fpm is too old for it (before 8.0)
	slow         string // where traces go
	token        string // nobody can guess; part of the status and ping paths
	root         bool   // we are root
}

// The paths that php-fpm answers itself, before it looks for a script. It
// compares them to SCRIPT_NAME: a gateway that sends those of existing files only
// can't be made to send them, and nobody can guess them either.
func fpmStatusPath(token string) string { return "/sluice-status-" + token }
func fpmPingPath(token string) string   { return "/sluice-ping-" + token }

// fpmPool names the pool after the site; ps shows it.
func fpmPool(site string) string {
	name := strings.Map(func(c rune) rune {
		if isWord(c) || c == '.' {
			return c
		}
		return '_'
	}, site)
	return "sluice-" + name[:min(len(name), poolNameMaxBytes)]
}

// render returns the file's text.
func (c fpmConf) render() []byte {
	var b strings.Builder
	set := func(name, value string) { fmt.Fprintf(&b, "%s = %s\n", name, value) }
	o, fpm := c.opts, &c.opts.FPM

	b.WriteString("; written by sluice, removed when it stops\n[global]\n")
	set("daemonize", "no")
	set("error_log", "/dev/stderr")
	set("log_level", "notice")
	set("log_limit", "8192")
	set("process_control_timeout", seconds(max(o.RequestTime, fpmQuitTime)))
	fmt.Fprintf(&b, "[%s]\n", fpmPool(o.Site))
	if c.root {
		c.renderAccount(set)
	}
	set("listen", quoteIni(c.listen))
	c.renderProcesses(set)
	set("pm.status_path", fpmStatusPath(c.token))
	if c.statusListen != "" {
		set("pm.status_listen", quoteIni(c.statusListen))
	}
	set("ping.path", fpmPingPath(c.token))
	set("catch_workers_output", "yes")
	set("decorate_workers_output", "no")
	set("clear_env", "no") // the master's own environment is made for the workers
	if fpm.SlowTime > 0 {
		set("request_slowlog_timeout", seconds(fpm.SlowTime))
		set("slowlog", quoteIni(c.slow))
	}
	if fpm.TerminateTime > 0 {
		set("request_terminate_timeout", seconds(fpm.TerminateTime))
	}
	set("security.limit_extensions", strings.Join(fpm.extensions(), " "))
	for _, name := range slices.Sorted(maps.Keys(fpm.WorkerIni)) {
		set("php_value["+name+"]", quoteIni(fpm.WorkerIni[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(fpm.AdminIni)) {
		set("php_admin_value["+name+"]", quoteIni(fpm.AdminIni[name]))
	}
	return []byte(b.String())
}

// renderAccount is who the workers are. php-fpm initialises their groups by the
// user's name.
func (c fpmConf) renderAccount(set func(name, value string)) {
	as := c.opts.Account
	if as == nil {
		set("user", "root")
		return
	}
	set("user", as.String())
	set("group", fmt.Sprint(as.GID))
	set("chdir", "/")
	if c.opts.Chroot != "" {
		set("chroot", quoteIni(c.opts.Chroot))
	}
}

func (c fpmConf) renderProcesses(set func(name, value string)) {
	number := func(name string, n int) { set(name, fmt.Sprint(n)) }
	// Not "dynamic": that looks once a second whether it should start a worker,
	// and requests wait meanwhile.
	if c.opts.FPM.IdleTime == 0 {
		set("pm", "static")
	} else {
		set("pm", "ondemand") // see stoker
		set("pm.process_idle_timeout", seconds(c.opts.FPM.IdleTime))
	}
	number("pm.max_children", c.opts.Workers)
	number("pm.max_requests", c.opts.requestsBackstop())
}

// seconds rounds up: 0 would mean no limit.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%ds", int64((d+time.Second-1)/time.Second))
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// fpmHasStatusListen reports whether this php-fpm answers for its status on a
// socket of its own, so that busy workers do not keep it from answering.
func fpmHasStatusListen(version string) bool {
	n := versionNumbers(version)
	return n != nil && n[0] >= 8
}
