package conf

import (
	"fmt"
	"mime"
	"slices"
	"strings"
)

// framing are fields that say where a message ends or what the connection
// does; to change them would break the protocol (RFC 9112 §6, RFC 9110 §7.6.1).
var framing = []string{
	"connection", "content-length", "date", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
}

// checkFieldName wants a token (RFC 9110 §5.1) that is not framing.
func checkFieldName(name string) error {
	if !isToken(name) {
		return fmt.Errorf("header name %q is no token; letters, digits and !#$%%&'*+-.^_`|~ only", name)
	}
	if slices.Contains(framing, strings.ToLower(name)) {
		return fmt.Errorf("header %q belongs to the connection and cannot be changed", name)
	}
	return nil
}

// checkFieldValue refuses what would end the field line or the head.
// RFC 9110 §5.5: "Field values containing CR, LF, or NUL characters are
// invalid and dangerous".
func checkFieldValue(name, value string) error {
	for i := range len(value) {
		if c := value[i]; (c < 0x20 && c != '\t') || c == 0x7f {
			return fmt.Errorf("value %q of header %q has a control character", value, name)
		}
	}
	if strings.Trim(value, " \t") != value {
		return fmt.Errorf("value %q of header %q has white space around it", value, name)
	}
	return nil
}

func isToken(s string) bool {
	for i := range len(s) {
		c := lower(s[i])
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// setHeader replaces the field of that name or appends it.
func setHeader(list []Header, name, value string) []Header {
	for i := range list {
		if strings.EqualFold(list[i].Name, name) {
			list[i] = Header{name, value}
			return list
		}
	}
	return append(list, Header{name, value})
}

// parseMIME checks an addition to the content types.
func parseMIME(extension, value string) (string, error) {
	if strings.HasPrefix(extension, ".") {
		return "", fmt.Errorf("extension %q: leave the dot out: %q", extension, extension[1:])
	}
	if !isToken(extension) {
		return "", fmt.Errorf("extension %q has characters no extension has", extension)
	}
	kind, _, err := mime.ParseMediaType(value)
	if err != nil || !strings.Contains(kind, "/") {
		return "", fmt.Errorf("%q of extension %q is no content type, such as \"text/plain; charset=utf-8\"", value, extension)
	}
	return strings.ToLower(extension), checkFieldValue("Content-Type", value)
}
