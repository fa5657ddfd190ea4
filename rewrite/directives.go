package rewrite

import (
	"errors"
	"strconv"
	"strings"
)

// directives are all that are understood, by lower-case name. It is filled by
// the files that hold them and never written afterwards.
var directives = map[string]directive{}

func register(d map[string]directive) {
	for k, v := range d {
		directives[k] = v
	}
}

// Directives lists the names that are understood, in lower case, unordered.
func Directives() []string {
	out := make([]string, 0, len(directives))
	for k := range directives {
		out = append(out, k)
	}
	return out
}

const (
	pathInfoDefault uint8 = iota
	pathInfoOff
	pathInfoOn
)

// str makes a directive that keeps its one argument.
func str(o Override, field func(c *Config) **string) directive {
	return directive{o, take1, func(_ *compiler, s *scope, _ *node, args []string) error {
		*field(s.cfg) = &args[0]
		return nil
	}}
}

// boolean makes an On/Off directive.
func boolean(o Override, field func(c *Config) **bool) directive {
	return directive{o, takeFlag, func(_ *compiler, s *scope, _ *node, args []string) error {
		on, err := onOff(args[0])
		*field(s.cfg) = &on
		return err
	}}
}

func init() {
	register(map[string]directive{
		"options": {OverrideOptions, takeMany, func(_ *compiler, s *scope, n *node, _ []string) error {
			return s.cfg.core.options.parse(n.args)
		}},
		"acceptpathinfo": {OverrideFileInfo, take1, func(_ *compiler, s *scope, _ *node, args []string) error {
			v, ok := map[string]uint8{"on": pathInfoOn, "off": pathInfoOff, "default": pathInfoDefault}[toLower(args[0])]
			if !ok {
				return errors.New("must be set to on, off or default")
			}
			s.cfg.core.pathInfo = &v
			return nil
		}},
		"adddefaultcharset": {OverrideFileInfo, take1, func(_ *compiler, s *scope, _ *node, args []string) error {
			v := args[0]
			switch toLower(v) {
			case "off":
				v = ""
			case "on":
				v = "iso-8859-1"
			}
			s.cfg.core.charset = &v
			return nil
		}},
		"cgipassauth": boolean(OverrideAuthConfig, func(c *Config) **bool { return &c.core.passAuth }),
		"forcetype":   str(OverrideFileInfo, func(c *Config) **string { return &c.core.forceType }),
		"defaulttype": {OverrideFileInfo, take1, func(c *compiler, _ *scope, n *node, args []string) error {
			if !equalFold(args[0], "none") {
				c.note(n, Warning, "ignored since Apache 2.4; only 'none' is allowed")
			}
			return nil
		}},
		"fileetag": {OverrideFileInfo, takeMany, func(_ *compiler, s *scope, n *node, _ []string) error {
			v := toLower(n.args)
			s.cfg.core.etag = &v
			return nil
		}},
		"sethandler": {OverrideFileInfo, takeMany, setHandler},
		"limitrequestbody": {OverrideAll, take1, func(_ *compiler, s *scope, _ *node, args []string) error {
			n, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || n < 0 {
				return errors.New("LimitRequestBody argument must be a non-negative integer")
			}
			s.cfg.core.bodyMax = &n
			return nil
		}},
		"errordocument": {OverrideFileInfo, take2, errorDocumentLine},
		"sslrequiressl": {OverrideAuthConfig, take0, func(_ *compiler, s *scope, _ *node, _ []string) error {
			s.cfg.core.requireTLS = true
			return nil
		}},
		"directoryindex":         {OverrideIndexes, takeList, directoryIndex},
		"directoryslash":         boolean(OverrideIndexes, func(c *Config) **bool { return &c.dir.slash }),
		"directorycheckhandler":  boolean(OverrideIndexes, func(c *Config) **bool { return &c.dir.checkHand }),
		"directoryindexredirect": {OverrideIndexes, take1, directoryIndexRedirect},
		"fallbackresource": {OverrideIndexes, take12, func(_ *compiler, s *scope, _ *node, args []string) error {
			s.cfg.dir.fallback = &args[0]
			return nil
		}},
	})
}

func setHandler(c *compiler, s *scope, n *node, args []string) error {
	if len(args) != 1 {
		return errors.New("takes one argument")
	}
	v := &stringValue{text: args[0]}
	if strings.HasPrefix(args[0], "expr=") {
		e, err := c.stringExpr(args[0][5:])
		if err != nil {
			return err
		}
		v.expr = e
	} else if !strings.HasPrefix(args[0], "proxy:") {
		v.text = toLower(args[0])
	}
	s.cfg.core.handler = v
	return nil
}

func directoryIndex(_ *compiler, s *scope, _ *node, args []string) error {
	var names []string
	if s.cfg.dir.index != nil {
		names = *s.cfg.dir.index
	}
	if len(args) == 1 && equalFold(args[0], "disabled") {
		names = []string{}
	} else {
		names = join(names, args)
	}
	s.cfg.dir.index = &names
	return nil
}

func directoryIndexRedirect(_ *compiler, s *scope, _ *node, args []string) error {
	n := 302
	switch toLower(args[0]) {
	case "on":
	case "off":
		n = 0
	default:
		var ok bool
		if n, ok = redirectWords[toLower(args[0])]; !ok {
			n = int(atoi(args[0]))
		}
		if !isRedirect(n) {
			return errors.New("DirectoryIndexRedirect only accepts redirection codes")
		}
	}
	s.cfg.dir.redirect = &n
	return nil
}

// errorDocument is an ErrorDocument.
type errorDocument struct {
	status int
	kind   errorKind
	text   string
	expr   *Expr
}

type errorKind uint8

const (
	errorDefault errorKind = iota
	errorPath
	errorURL
	errorText
)

func errorDocumentLine(c *compiler, s *scope, _ *node, args []string) error {
	d := errorDocument{status: int(atoi(args[0])), text: args[1]}
	if !knownStatus(d.status) {
		return errors.New("unsupported HTTP response code " + args[0])
	}
	switch {
	case equalFold(d.text, "default"):
		s.cfg.core.errors = append(s.cfg.core.errors, d)
		return nil
	case strings.IndexByte(d.text, ' ') >= 0:
		d.kind = errorText
	case isURL(d.text):
		if d.status == 401 {
			// A 401 cannot point elsewhere: the browser would never ask.
			return nil
		}
		d.kind = errorURL
	case strings.HasPrefix(d.text, "/"):
		d.kind = errorPath
	default:
		d.kind = errorText
	}
	e, err := c.stringExpr(d.text)
	d.expr = e
	s.cfg.core.errors = append(s.cfg.core.errors, d)
	return err
}

func (d *errorDocument) value(r *record) string {
	if d.expr == nil {
		return d.text
	}
	s, err := d.expr.expand(&exprScope{r: r})
	if err != nil {
		return ""
	}
	return s
}

// errorDocument finds the document of a status, nil if there is none.
func (c *Config) errorDocument(status int) *errorDocument {
	for i := len(c.core.errors) - 1; i >= 0; i-- {
		if d := &c.core.errors[i]; d.status == status {
			if d.kind == errorDefault {
				return nil
			}
			return d
		}
	}
	return nil
}
