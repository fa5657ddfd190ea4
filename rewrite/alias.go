package rewrite

import (
	"errors"
	"strings"
)

// redirectAll is a Redirect without a path: all of its context goes to one URL,
// which is an expression. It goes before every redirectRule.
type redirectAll struct {
	file, text string
	line       int
	status     int
	target     *Expr // nil where the status is no redirect
}

// url makes the target, escaped but for its query and fragment.
func (d *redirectAll) url(r *record) (string, error) {
	if d.target == nil {
		return "", nil
	}
	s, err := d.target.expand(&exprScope{r: r})
	return escapeRedirect(s), err
}

// redirectRule is a Redirect or RedirectMatch.
type redirectRule struct {
	file, text string
	line       int
	status     int
	prefix     string
	pattern    *Pattern
	target     string
}

var redirectWords = map[string]int{"permanent": 301, "temp": 302, "seeother": 303, "gone": 410}

func init() {
	fixed := func(status int) directive {
		return directive{OverrideFileInfo, take2, func(c *compiler, s *scope, n *node, args []string) error {
			return addRedirect(c, s, n, status, args, false)
		}}
	}
	open := func(match bool, shape argShape) directive {
		return directive{OverrideFileInfo, shape, func(c *compiler, s *scope, n *node, args []string) error {
			status, rest, err := redirectStatus(args)
			if err != nil {
				return err
			}
			if isRedirect(status) && len(rest) == 1 || len(rest) == 0 {
				return addRedirectAll(c, s, n, status, rest)
			}
			return addRedirect(c, s, n, status, rest, match)
		}}
	}
	register(map[string]directive{
		"redirect": open(false, take123), "redirectmatch": open(true, take23),
		"redirecttemp": fixed(302), "redirectpermanent": fixed(301),
		"redirectrelative": {OverrideFileInfo, takeFlag, func(_ *compiler, s *scope, _ *node, args []string) error {
			on, err := onOff(args[0])
			s.cfg.core.relRedirects = &on
			return err
		}},
		"alias": {overrideServer, takeAny, ignoreQuietly}, "aliasmatch": {overrideServer, takeAny, ignoreQuietly},
		"scriptalias": {overrideServer, takeAny, ignoreQuietly}, "scriptaliasmatch": {overrideServer, takeAny, ignoreQuietly},
	})
}

func ignoreQuietly(*compiler, *scope, *node, []string) error { return nil }

// redirectStatus takes the optional status off the arguments.
func redirectStatus(args []string) (int, []string, error) {
	status := 302
	if n, ok := redirectWords[toLower(args[0])]; ok {
		return n, args[1:], nil
	}
	if args[0] != "" && isDigit(args[0][0]) {
		// A status that Apache does not know is found out by who asks (500).
		return int(atoi(args[0])), args[1:], nil
	}
	if len(args) == 3 {
		return 0, nil, errors.New("unknown status " + args[0])
	}
	return status, args, nil
}

func addRedirectAll(c *compiler, s *scope, n *node, status int, args []string) error {
	d := &redirectAll{file: c.file.Name, line: n.line, text: n.name + " " + n.args, status: status}
	if isRedirect(status) {
		if len(args) == 0 {
			return errors.New("URL to redirect to is missing")
		}
		e, err := c.stringExpr(args[0])
		if err != nil {
			return err
		}
		d.target = e
	}
	s.cfg.redirectAll = d
	return nil
}

func addRedirect(c *compiler, s *scope, n *node, status int, args []string, match bool) error {
	r := &redirectRule{file: c.file.Name, line: n.line, text: n.name + " " + n.args, status: status}
	switch {
	case len(args) == 0:
		return errors.New("URL to redirect is missing")
	case isRedirect(status) && len(args) < 2:
		return errors.New("redirect to URL is missing")
	case !isRedirect(status) && len(args) > 1:
		return errors.New("redirect URL not valid for this status")
	}
	if len(args) > 1 {
		r.target = args[1]
	}
	if match {
		p, err := CompilePattern(args[0], false)
		if err != nil {
			return err
		}
		r.pattern = p
	} else {
		if !strings.HasPrefix(args[0], "/") {
			return errors.New("redirect to path " + args[0] + ": it must begin with a slash")
		}
		if r.target != "" && !strings.HasPrefix(r.target, "/") && !isURL(r.target) {
			return errors.New("redirect to non-URL")
		}
		r.prefix = args[0]
	}
	s.cfg.redirect = append(s.cfg.redirect, r)
	return nil
}

// match tells whether the rule applies to a decoded path, and its target.
func (r *redirectRule) match(uri string) (status int, target string, ok bool) {
	if r.pattern == nil {
		n := aliasMatch(uri, r.prefix)
		if n == 0 {
			return 0, "", false
		}
		return r.status, r.target + escapeURI(uri[n:]), true
	}
	var m Match
	if !r.pattern.Find(uri, &m) {
		return 0, "", false
	}
	if r.target == "" {
		return r.status, "", true
	}
	return r.status, escapeRedirect(substituteGroups(r.target, &m)), true
}

// escapeRedirect escapes all but the query and the fragment.
func escapeRedirect(s string) string {
	i := strings.IndexAny(s, "?#")
	if i < 0 {
		return escapeURI(s)
	}
	return escapeURI(s[:i]) + s[i:]
}

// substituteGroups is ap_pregsub: $n and & (with a backslash: themselves).
func substituteGroups(s string, m *Match) string {
	if strings.IndexByte(s, '$') < 0 && strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '$' && i+1 < len(s) && isDigit(s[i+1]):
			b.WriteString(m.Group(int(s[i+1] - '0')))
			i++
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '$' || s[i+1] == '&'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// aliasMatch compares a prefix on segment borders (alias_matches) and returns
// the size of what matched.
func aliasMatch(uri, prefix string) int {
	i, j := 0, 0
	for j < len(prefix) {
		if prefix[j] == '/' {
			if i >= len(uri) || uri[i] != '/' {
				return 0
			}
			for j < len(prefix) && prefix[j] == '/' {
				j++
			}
			for i < len(uri) && uri[i] == '/' {
				i++
			}
			continue
		}
		if i >= len(uri) || uri[i] != prefix[j] {
			return 0
		}
		i++
		j++
	}
	if prefix[len(prefix)-1] != '/' && i < len(uri) && uri[i] != '/' {
		return 0
	}
	if prefix[len(prefix)-1] == '/' && len(prefix) > 1 {
		// The slash belongs to the prefix, not to the rest.
		return i
	}
	return i
}
