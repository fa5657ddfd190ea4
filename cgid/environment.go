package cgid

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"sluice/fcgi"
)

// pathDefault is PATH where neither Options nor the request has one.
const pathDefault = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// request is what PARAMS say.
type request struct {
	script, query, method string
	pairs                 []string // NAME=value, each name once
}

// parseParams reads a whole PARAMS stream. Left out are names that a shell could
// not write (the gateway's are all fit), values with a NUL, and HTTP_PROXY, which
// libraries take for their own configuration (CVE-2016-5385). Of a name that
// comes twice the last value counts, as in PHP.
func parseParams(b []byte) (request, error) {
	var req request
	at := map[string]int{}
	for len(b) > 0 {
		name, value, n, err := fcgi.ConsumePair(b)
		if err != nil {
			return request{}, fmt.Errorf("cgid: PARAMS: %w", err)
		}
		b = b[n:]
		if !nameIsFit(name) || string(name) == "HTTP_PROXY" || bytes.IndexByte(value, 0) >= 0 {
			continue
		}
		switch string(name) {
		case "SCRIPT_FILENAME":
			req.script = string(value)
		case "QUERY_STRING":
			req.query = string(value)
		case "REQUEST_METHOD":
			req.method = string(value)
		case "GATEWAY_INTERFACE":
			continue // environment sets it
		}
		pair := string(name) + "=" + string(value)
		if i, again := at[string(name)]; again {
			req.pairs[i] = pair
			continue
		}
		at[string(name)] = len(req.pairs)
		req.pairs = append(req.pairs, pair)
	}
	return req, nil
}

func nameIsFit(name []byte) bool {
	for i, c := range name {
		letter := c == '_' || (c|0x20 >= 'a' && c|0x20 <= 'z')
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return len(name) > 0
}

// environment is the program's whole environment: the request's variables win
// over extra, and extra over the default PATH.
func (req *request) environment(extra []string) []string {
	list := append([]string{"GATEWAY_INTERFACE=CGI/1.1"}, req.pairs...)
	seen := map[string]bool{}
	for _, pair := range list {
		seen[nameOf(pair)] = true
	}
	add := func(pair string) {
		if name := nameOf(pair); !seen[name] {
			seen[name] = true
			list = append(list, pair)
		}
	}
	for i := len(extra) - 1; i >= 0; i-- { // the last one of a name counts
		add(extra[i])
	}
	add("PATH=" + pathDefault)
	for _, pair := range systemEnvironment() {
		add(pair)
	}
	return list
}

// searchPath are the folders of an environment's PATH.
func searchPath(env []string) []string {
	for _, pair := range env {
		if nameOf(pair) == "PATH" {
			return filepath.SplitList(pair[len("PATH="):])
		}
	}
	return nil
}

func nameOf(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return name
}
