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

// statusPending is not HTTP: the answer waits for a PasswordChecker.
const statusPending = 1

func init() {
	register(map[string]directive{
		"authtype": str(OverrideAuthConfig, func(c *Config) **string { return &c.auth.kind }),
		"authname": {OverrideAuthConfig, take1, func(_ *compiler, s *scope, _ *node, args []string) error {
			v := &stringValue{text: args[0]}
			if strings.HasPrefix(args[0], "expr=") || strings.Contains(args[0], "%{") {
				e, err := CompileStringExpr(strings.TrimPrefix(args[0], "expr="))
				if err != nil {
					return err
				}
				v.expr = e
			}
			s.cfg.auth.name = v
			return nil
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
	r.challenge = `Basic realm="` + strings.ReplaceAll(strings.ReplaceAll(realm, `\`, `\\`), `"`, `\"`) + `"`
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
	r.authType = "Basic"
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
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(rest, "= "))
	if err != nil {
		return "", "", false
	}
	user, password, _ = strings.Cut(string(b), ":")
	return user, password, user != ""
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
