package conf

import (
	"fmt"
	"path/filepath"
	"strconv"
)

// Overrides are the values of command line flags; they win over the file, and
// for site keys over every site. An empty value means that the flag was not
// given. Relative paths start from the working directory.
type Overrides struct {
	Listen      []string // --listen: as the items of listen
	PHP         string   // --php: as php.use
	Workers     string   // --workers: N or auto
	HiddenFiles string   // --hidden-files: refuse or apache
	Override    string   // --allow-override: as allow_override
	ProxyTo     []string // --proxy-to: as the items of proxy_to
	Engine      string   // --engine: auto, epoll, io_uring or portable
	AccessLog   string   // --access-log: off, - or a file
	LogLevel    string   // --log-level: debug, info, warn or error
}

// override applies the flags with the same setters, so that a flag takes what
// its key takes. Faults are named after the flag.
func (dr *draft) override(o Overrides) {
	base, err := filepath.Abs(".")
	if err != nil {
		dr.add(&Fault{Msg: fmt.Sprintf("conf: working directory: %v", err), Err: err})
		return
	}
	for _, f := range []struct {
		name, key string
		values    []string
	}{
		{"--listen", "listen", o.Listen},
		{"--proxy-to", "proxy_to", o.ProxyTo},
	} {
		if len(f.values) == 0 {
			continue
		}
		list := &node{shape: shapeArray}
		for _, s := range f.values {
			list.items = append(list.items, &node{shape: shapeText, text: s})
		}
		dr.flag(base, f.name, f.key, list)
	}
	for _, f := range []struct{ name, key, value string }{
		{"--php", "php.use", o.PHP},
		{"--workers", "php.workers", o.Workers},
		{"--hidden-files", "hidden_files", o.HiddenFiles},
		{"--allow-override", "allow_override", o.Override},
		{"--engine", "engine", o.Engine},
		{"--access-log", "access_log.path", o.AccessLog},
		{"--log-level", "log_level", o.LogLevel},
	} {
		if f.value == "" {
			continue
		}
		n := &node{shape: shapeText, text: f.value}
		if _, err := strconv.Atoi(f.value); err == nil && topLevel.keys[f.key].kind == kindInteger {
			n.shape = shapeInteger
		}
		dr.flag(base, f.name, f.key, n)
	}
	if o.PHP != "" { // servers would go before it
		for i := range dr.config.Sites {
			dr.config.Sites[i].PHP.Servers = nil
		}
	}
	if o.AccessLog != "" {
		for i := range dr.config.Sites {
			dr.config.Sites[i].AccessLog = nil
		}
	}
}

// flag stores a value in the server and in every site.
func (dr *draft) flag(base, name, path string, n *node) {
	k := topLevel.keys[path]
	d := &decoder{file: name, base: base, faults: &faults{}}
	d.apply(k, n, target{&dr.config, &dr.site})
	if len(d.list) > 0 {
		dr.list = append(dr.list, d.list...)
		return
	}
	dr.flags[path] = name
	if siteLevel.keys[path] == nil || path == "access_log.path" {
		return
	}
	for i := range dr.config.Sites {
		d.apply(k, n, target{&dr.config, &dr.config.Sites[i]})
	}
}
