package rewrite

import "strings"

// What the server asks of an Answer's Config while it makes the response.

// ETag is FileETag's value in lower case ("none", "mtime size"), "" if nothing was said.
func (c *Config) ETag() string {
	if c.core.etag == nil {
		return ""
	}
	return *c.core.etag
}

// BodyMax is LimitRequestBody in octets; ok is false if nothing was said. 0 means no limit.
func (c *Config) BodyMax() (octets int64, ok bool) {
	if c.core.bodyMax == nil {
		return 0, false
	}
	return *c.core.bodyMax, true
}

// Options are the options in force.
func (c *Config) Options() Options { return c.core.options.bits }

// PHP are the php_value and php_flag lines, outer ones first; the last of a name counts.
func (c *Config) PHP() []PHPValue { return c.php }

// PHPOff tells that "php_flag engine off" forbids scripts.
func (c *Config) PHPOff() bool {
	off := false
	for _, v := range c.php {
		if equalFold(v.Name, "engine") {
			off = v.Value == "0" || equalFold(v.Value, "off")
		}
	}
	return off
}

// OutputFilters are the filters that a response passes, upper case, by its media
// type and its file's name: SetOutputFilter, AddOutputFilter, AddOutputFilterByType.
func (c *Config) OutputFilters(contentType, filename string) []string {
	var out []string
	if c.filters.set != nil {
		out = append(out, *c.filters.set...)
	}
	base := baseName(filename)
	for _, f := range c.filters.byExt {
		if _, ext, ok := strings.Cut(base, "."); ok && hasExtension(ext, f.Type) {
			out = append(out, f.Filters...)
		}
	}
	t, _, _ := strings.Cut(contentType, ";")
	t = toLower(strings.TrimSpace(t))
	for _, f := range c.filters.byType {
		if f.Type == t {
			out = append(out, f.Filters...)
		}
	}
	return out
}

func hasExtension(exts, want string) bool {
	for _, e := range strings.Split(exts, ".") {
		if equalFold(e, want) {
			return true
		}
	}
	return false
}

// Listing is what autoindex directives say.
type Listing struct {
	Ignore     []string   // patterns of names (wildcards)
	Options    [][]string // the words of IndexOptions, by file
	HeaderName string
	ReadmeName string
	Order      string // "ascending name"
}

// Listing returns the settings of folder listings.
func (c *Config) Listing() Listing {
	deref := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	return Listing{
		Ignore: c.index.ignore, Options: c.index.allLevels(), HeaderName: deref(c.index.headName),
		ReadmeName: deref(c.index.readme), Order: deref(c.index.order),
	}
}

// Ignored tells whether IndexIgnore hides a name.
func (l *Listing) Ignored(name string) bool {
	for _, p := range l.Ignore {
		if wildMatch(p, name, false, true) {
			return true
		}
	}
	return false
}
