package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Sticky makes and reads the cookie that keeps a client on one server of a
// backend. What it names is a wish (gateway.Request.Prefer): a server that is
// down, or that is no longer there, is passed over, and the next response names
// another.
//
// The value is
//
//	1.SERVER.TIME.MAC
//
// with fcgi.Server.Key and the MAC in unpadded base64url, the seconds since 1970
// in base 36, and HMAC-SHA256 over the version, Scope, Name and all before it.
// The server's key can be read: give servers names where their addresses are
// nobody's business. A Sticky does not change, and any goroutine may use it.
type Sticky struct {
	Name string // of the cookie
	// Key signs; OldKeys are taken too, so that a key can be replaced. Each is at
	// least 16 octets; see LoadKey.
	Key     []byte
	OldKeys [][]byte
	// Scope is what the cookie is for (a site's name): one made for another scope
	// with the same key is nothing.
	Scope string
	// MaxAge is how long a client is kept; renewed after half of it. 0 is until
	// the browser is closed.
	MaxAge   time.Duration
	Path     string // empty is "/"
	Domain   string
	Secure   bool
	SameSite string // "Lax" (also if empty), "Strict" or "None"
}

const stickyVersion = "1"

// Check says what is wrong with the settings.
func (s *Sticky) Check() error {
	if (&http.Cookie{Name: s.Name, Value: "x", Path: s.Path, Domain: s.Domain}).Valid() != nil {
		return fmt.Errorf("session: a cookie can't have name %q, path %q and domain %q", s.Name, s.Path, s.Domain)
	}
	for _, k := range append([][]byte{s.Key}, s.OldKeys...) {
		if len(k) < keyBytesMin {
			return fmt.Errorf("session: a key of %d octets; at least %d are needed", len(k), keyBytesMin)
		}
	}
	switch s.SameSite {
	case "", "Lax", "Strict":
	case "None":
		if !s.Secure {
			return errors.New("session: a cookie with SameSite None has to be Secure")
		}
	default:
		return fmt.Errorf("session: SameSite %q is none of Lax, Strict, None", s.SameSite)
	}
	switch { // RFC 6265bis §4.1.3
	case strings.HasPrefix(s.Name, "__Host-") && (!s.Secure || s.Domain != "" || (s.Path != "" && s.Path != "/")):
		return fmt.Errorf("session: cookie %s has to be Secure, with path / and no domain", s.Name)
	case strings.HasPrefix(s.Name, "__Secure-") && !s.Secure:
		return fmt.Errorf("session: cookie %s has to be Secure", s.Name)
	case s.MaxAge < 0:
		return fmt.Errorf("session: a cookie of age %v", s.MaxAge)
	}
	return nil
}

var b64 = base64.RawURLEncoding.Strict()

// mac signs what comes before the last dot of a value, as it is after that dot.
func (s *Sticky) mac(key []byte, signed string) string {
	h := hmac.New(sha256.New, key)
	// Each part with its length, so that no two lists of parts look the same.
	for _, part := range [...]string{"sluice sticky", s.Scope, s.Name, signed} {
		_, _ = h.Write(strconv.AppendInt(nil, int64(len(part)), 10))
		_, _ = h.Write([]byte{':'})
		_, _ = h.Write([]byte(part))
	}
	return b64.EncodeToString(h.Sum(nil))
}

// Value is the cookie's value for a server.
func (s *Sticky) Value(server string, now time.Time) string {
	signed := stickyVersion + "." + b64.EncodeToString([]byte(server)) + "." + strconv.FormatInt(now.Unix(), 36)
	return signed + "." + s.mac(s.Key, signed)
}

// Cookie is the Set-Cookie field's value that names a server.
func (s *Sticky) Cookie(server string, now time.Time) string {
	path, same := s.Path, s.SameSite
	if path == "" {
		path = "/"
	}
	if same == "" {
		same = "Lax"
	}
	var b strings.Builder
	b.WriteString(s.Name + "=" + s.Value(server, now) + "; Path=" + path)
	if s.Domain != "" {
		b.WriteString("; Domain=" + s.Domain)
	}
	if s.MaxAge > 0 {
		b.WriteString("; Max-Age=" + strconv.FormatInt(max(1, int64(s.MaxAge/time.Second)), 10))
	}
	if s.Secure {
		b.WriteString("; Secure")
	}
	b.WriteString("; HttpOnly; SameSite=" + same)
	return b.String()
}

// Server finds the server that a request's Cookie lines name: the first cookie
// of that name that is genuine and young enough; "" if there is none. renew says
// that a new one is due.
func (s *Sticky) Server(lines []string, now time.Time) (server string, renew bool) {
	for _, line := range lines {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
			if !ok || name != s.Name {
				continue
			}
			if server, renew, ok = s.open(value, now); ok {
				return server, renew
			}
		}
	}
	return "", false
}

// open checks a value.
func (s *Sticky) open(value string, now time.Time) (server string, renew, ok bool) {
	if len(value) > cookieBytesMax {
		return "", false, false
	}
	dot := strings.LastIndexByte(value, '.')
	if dot < 0 {
		return "", false, false
	}
	signed := value[:dot]
	if !s.genuine(signed, value[dot+1:]) {
		return "", false, false
	}
	part := strings.Split(signed, ".")
	if len(part) != 3 || part[0] != stickyVersion {
		return "", false, false
	}
	name, err := b64.DecodeString(part[1])
	if err != nil || len(name) == 0 || len(name) > serverBytesMax {
		return "", false, false
	}
	made, err := strconv.ParseInt(part[2], 36, 64)
	if err != nil {
		return "", false, false
	}
	age := now.Sub(time.Unix(made, 0))
	if age < -skewTime || (s.MaxAge > 0 && age > s.MaxAge) {
		return "", false, false
	}
	return string(name), s.MaxAge > 0 && age > s.MaxAge/2, true
}

// genuine compares in constant time, with every key. It compares the text: a
// decoder also takes other spellings (Go's skips CR and LF).
func (s *Sticky) genuine(signed, mac string) bool {
	ok := false
	for _, k := range append([][]byte{s.Key}, s.OldKeys...) {
		ok = hmac.Equal([]byte(mac), []byte(s.mac(k, signed))) || ok
	}
	return ok
}

// Wants tells whether a response is to set the cookie: the server that answered
// is not the one that was named, or the cookie is old.
func (s *Sticky) Wants(named string, renew bool, answered string) bool {
	return answered != "" && len(answered) <= serverBytesMax && (renew || named != answered)
}
