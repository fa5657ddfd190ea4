package rewrite

import (
	"encoding/base64"
	"errors"
	"strings"
)

// authConf is authentication's configuration.
type authConf struct {
	kind      *string
	name      *stringValue
	userFile  *string
	groupFile *string
	pass      *bool // AuthBasicAuthoritative Off
	provider  *string
}

func mergeAuth(base, over *authConf) authConf {
	return authConf{
		kind: pick(over.kind, base.kind), name: pick(over.name, base.name),
		userFile: pick(over.userFile, base.userFile), groupFile: pick(over.groupFile, base.groupFile),
		pass: pick(over.pass, base.pass), provider: pick(over.provider, base.provider),
	}
}

// PasswordChecker is an Env that checks passwords elsewhere: bcrypt takes tens
// of milliseconds, which a loop does not have. While done is false the request
// ends in AnswerPending and is to be run again when the checker knows.
type PasswordChecker interface {
	CheckPassword(hash, password string) (ok, done bool)
}

// statusPending is not HTTP: the answer waits for a PasswordChecker or a FolderReader.
const statusPending = 1

func init() {
	register(map[string]directive{
		"authtype": str(OverrideAuthConfig, func(c *Config) **string { return &c.auth.kind }),
		"authname": {OverrideAuthConfig, take1, func(c *compiler, s *scope, _ *node, args []string) error {
			e, err := c.stringExpr(args[0])
			s.cfg.auth.name = &stringValue{expr: e}
			return err
		}},
		"authuserfile":           str(OverrideAuthConfig, func(c *Config) **string { return &c.auth.userFile }),
		"authgroupfile":          str(OverrideAuthConfig, func(c *Config) **string { return &c.auth.groupFile }),
		"authbasicauthoritative": boolean(OverrideAuthConfig, func(c *Config) **bool { return &c.auth.pass }),
		"authbasicprovider": {OverrideAuthConfig, takeMany, func(_ *compiler, s *scope, _ *node, args []string) error {
			for _, a := range args {
				if !equalFold(a, "file") {
					return errors.New("unknown Authn provider: " + a)
				}
			}
			s.cfg.auth.provider = &args[0]
			return nil
		}},
	})
}

// noteChallenge makes the WWW-Authenticate field of a 401.
func (r *record) noteChallenge() {
	realm := ""
	if n := r.cfg.auth.name; n != nil {
		realm = n.value(&exprScope{r: r})
	}
	r.challenge = `Basic realm="` + escapeQuotes(realm) + `"`
}

// escapeQuotes is ap_escape_quotes: what a backslash stands before stays as it is.
func escapeQuotes(s string) string {
	if strings.IndexByte(s, '"') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			b.WriteByte(s[i])
			i++
		case s[i] == '"':
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// authenticate finds out who the user is (mod_auth_basic). It returns a status,
// 0 if the user is known.
func (r *record) authenticate() int {
	a := &r.cfg.auth
	switch {
	case a.kind == nil:
		r.q.log("AuthType not set, cannot check the user for " + r.uri)
		return 500
	case !equalFold(*a.kind, "basic"):
		r.q.log("AuthType " + *a.kind + " is not supported: refused")
		return 500
	case a.name == nil:
		r.q.log("need AuthName: " + r.uri)
		return 500
	}
	r.authType = *a.kind
	user, password, ok := r.credentials()
	if !ok {
		r.noteChallenge()
		return 401
	}
	r.user = user
	if a.userFile == nil {
		r.q.log("AuthUserFile not specified in the configuration")
		return 500
	}
	text, err := r.q.Env.ReadFile(*a.userFile, authFileBytesMax)
	if err != nil {
		r.q.log("could not open password file: " + *a.userFile + ": " + err.Error())
		return 500
	}
	hash, found := lineOf(string(text), user)
	if !found {
		r.q.log("user " + user + " not found: " + r.uri)
		r.noteChallenge()
		return 401
	}
	good, done := r.checkPassword(hash, password)
	switch {
	case !done:
		return statusPending
	case !good:
		r.q.log("user " + user + ": authentication failure for " + r.uri + ": Password Mismatch")
		r.noteChallenge()
		return 401
	}
	return 0
}

func (r *record) checkPassword(hash, password string) (ok, done bool) {
	if c, is := r.q.Env.(PasswordChecker); is {
		return c.CheckPassword(hash, password)
	}
	return VerifyPassword(hash, password), true
}

// credentials reads Authorization: Basic (RFC 7617).
func (r *record) credentials() (user, password string, ok bool) {
	v, has := r.q.header("Authorization")
	if !has {
		return "", "", false
	}
	scheme, rest := nextWord(v)
	if !equalFold(scheme, "Basic") {
		return "", "", false
	}
	// As APR does: up to the first octet that is none of the alphabet's. Whatever
	// comes of it is looked up.
	n := 0
	for n < len(rest) && (isAlnum(rest[n]) || rest[n] == '+' || rest[n] == '/') {
		n++
	}
	if n%4 == 1 {
		n--
	}
	b, err := base64.RawStdEncoding.DecodeString(rest[:n])
	if err != nil {
		b = nil
	}
	user, password, _ = strings.Cut(string(b), ":")
	return user, password, true
}

// lineOf finds "name:value" in a password file; the first line counts.
func lineOf(text, name string) (string, bool) {
	for text != "" {
		var l string
		l, text, _ = strings.Cut(text, "\n")
		l = strings.TrimSuffix(l, "\r")
		if l == "" || l[0] == '#' {
			continue
		}
		if n, v, ok := strings.Cut(l, ":"); ok && n == name {
			v, _, _ = strings.Cut(v, ":")
			return v, true
		}
	}
	return "", false
}

// inGroup tells whether the user is in one of some groups of AuthGroupFile.
func (r *record) inGroup(groups []string) bool {
	if r.cfg.auth.groupFile == nil {
		return false
	}
	text, err := r.q.Env.ReadFile(*r.cfg.auth.groupFile, authFileBytesMax)
	if err != nil {
		r.q.log("could not open group file: " + *r.cfg.auth.groupFile + ": " + err.Error())
		return false
	}
	for _, l := range strings.Split(string(text), "\n") {
		name, members, ok := strings.Cut(l, ":")
		if !ok || strings.HasPrefix(l, "#") {
			continue
		}
		for _, g := range groups {
			if g != strings.TrimSpace(name) {
				continue
			}
			for _, m := range strings.Fields(members) {
				if m == r.user {
					return true
				}
			}
		}
	}
	return false
}
