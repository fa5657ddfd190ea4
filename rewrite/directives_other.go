package rewrite

import (
	"errors"
	"strings"
)

func init() {
	php := func(isFlag, admin bool) directive {
		return directive{OverrideOptions, take2, func(c *compiler, s *scope, n *node, args []string) error {
			v := PHPValue{Name: args[0], Value: args[1], Flag: isFlag, Admin: admin}
			if admin && !c.dialect.Server {
				return errors.New("not allowed here")
			}
			if isFlag {
				v.Value = choose(equalFold(args[1], "on") || args[1] == "1", "1", "0")
			}
			s.cfg.php = append(s.cfg.php, v)
			return nil
		}}
	}
	list := func(field func(c *Config) *[]string) directive {
		return directive{OverrideIndexes, takeMany, func(_ *compiler, s *scope, _ *node, args []string) error {
			f := field(s.cfg)
			*f = append(*f, args...)
			return nil
		}}
	}
	register(map[string]directive{
		"php_value": php(false, false), "php_flag": php(true, false),
		"php_admin_value": php(false, true), "php_admin_flag": php(true, true),
		"indexignore": list(func(c *Config) *[]string { return &c.index.ignore }),
		"indexoptions": {OverrideIndexes, takeList, func(c *compiler, s *scope, _ *node, args []string) error {
			s.cfg.index.options = append(s.cfg.index.options, args...)
			if check := c.dialect.IndexOptions; check != nil {
				return check(s.cfg.index.options)
			}
			return nil
		}},
		"indexignorereset": {OverrideIndexes, takeFlag, func(_ *compiler, s *scope, _ *node, args []string) error {
			on, err := onOff(args[0])
			s.cfg.index.ignoreReset = on
			return err
		}},
		"headername": str(OverrideIndexes, func(c *Config) **string { return &c.index.headName }),
		"readmename": str(OverrideIndexes, func(c *Config) **string { return &c.index.readme }),
		"indexorderdefault": {OverrideIndexes, take2, func(_ *compiler, s *scope, _ *node, args []string) error {
			v := toLower(args[0] + " " + args[1])
			s.cfg.index.order = &v
			return nil
		}},
		"addoutputfilterbytype": {OverrideFileInfo, take2up, func(_ *compiler, s *scope, _ *node, args []string) error {
			for _, t := range args[1:] {
				s.cfg.filters.byType = append(s.cfg.filters.byType, TypeFilter{toLower(t), filterNames(args[0])})
			}
			return nil
		}},
		"addoutputfilter": {OverrideFileInfo, take2up, func(_ *compiler, s *scope, _ *node, args []string) error {
			for _, e := range args[1:] {
				s.cfg.filters.byExt = append(s.cfg.filters.byExt, TypeFilter{toLower(strings.TrimPrefix(e, ".")), filterNames(args[0])})
			}
			return nil
		}},
		"setoutputfilter": {OverrideFileInfo, take1, func(_ *compiler, s *scope, _ *node, args []string) error {
			f := filterNames(args[0])
			s.cfg.filters.set = &f
			return nil
		}},
	})
}

func filterNames(s string) []string {
	if equalFold(s, "none") {
		return []string{}
	}
	return strings.Split(toUpper(s), ";")
}

// meaningless tells that a directive is known, and why it may be skipped: it
// guards nothing and changes nothing that we do. All else that is unknown
// refuses the file.
func meaningless(key string) (why string, ok bool) {
	if why, ok := skipped[key]; ok {
		return why, true
	}
	for _, p := range skippedPrefixes {
		if strings.HasPrefix(key, p.prefix) {
			return p.why, true
		}
	}
	return "", false
}

const (
	whyCosmetic = "has no effect here"
	whyOther    = "belongs to another server or module"
	whyListing  = "cosmetics of listings are not supported"
)

var skippedPrefixes = []struct{ prefix, why string }{
	{"modpagespeed", whyOther},
	{"pagespeed", whyOther},
	{"mod_gzip_", whyOther},
	{"secfilter", "mod_security is not there; its rules are not applied"},
	{"secrule", "mod_security is not there; its rules are not applied"},
	{"secaudit", whyOther},
	{"secrequest", whyOther},
	{"secresponse", whyOther},
	{"deflate", whyCosmetic},
	{"brotli", whyCosmetic},
	{"litespeed", whyOther},
	{"lscache", whyOther},
	{"passenger", whyOther},
	{"fcgid", whyOther},
}

var skipped = map[string]string{
	"serversignature": whyCosmetic, "contentdigest": whyCosmetic, "enablemmap": whyCosmetic,
	"enablesendfile": whyCosmetic, "scriptinterpretersource": whyCosmetic, "namevirtualhost": whyCosmetic,
	"addicon": whyListing, "addiconbytype": whyListing, "addiconbyencoding": whyListing, "addalt": whyListing,
	"addaltbytype": whyListing, "addaltbyencoding": whyListing, "adddescription": whyListing,
	"defaulticon": whyListing, "indexstylesheet": whyListing, "indexheadinsert": whyListing,
	"addinputfilter": whyCosmetic, "setinputfilter": whyCosmetic,
	"removeinputfilter": whyCosmetic, "removeoutputfilter": whyCosmetic,
	"filterdeclare": whyCosmetic, "filterprovider": whyCosmetic, "filterchain": whyCosmetic, "filterprotocol": whyCosmetic,
	"filtertrace": whyCosmetic, "xbithack": whyCosmetic, "ssiendtag": whyCosmetic, "ssistarttag": whyCosmetic,
	"ssloptions": whyCosmetic, "sslrenegbuffersize": whyCosmetic, "limitxmlrequestbody": whyCosmetic,
	"hostnamelookups": whyCosmetic, "usecanonicalname": whyCosmetic, "qualifyredirecturl": whyCosmetic,
	"cachelookup": whyOther, "cachekeymodify": whyOther, "cacheenable": whyOther, "cachedisable": whyOther,
	"cookiename": whyOther, "cookietracking": whyOther, "cookieexpires": whyOther,
	"checkspelling": "spelling is not corrected", "checkcaseonly": "spelling is not corrected",
	"suexecusergroup": whyOther, "rlimitcpu": whyOther, "rlimitmem": whyOther, "rlimitnproc": whyOther,
	"metafiles": whyOther, "imapmenu": whyOther, "imapdefault": whyOther, "imapbase": whyOther,
	"substitute": whyOther, "substituteinheritbefore": whyOther, "suphp_configpath": whyOther,
	"setinputfilterbytype": whyOther, "wrappergroup": whyOther, "x-litespeed-cache": whyOther,
	"typesconfig": whyCosmetic, "loglevel": whyCosmetic,
}
