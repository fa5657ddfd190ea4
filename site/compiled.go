package site

import (
	"os"
	"sync"

	"sluice/listing"
	"sluice/rewrite"
)

// compiledFiles are a site's .htaccess files, compiled once for all loops. Its
// lock is held for as long as it takes to compile one.
type compiledFiles struct {
	mu sync.Mutex
	m  map[string]compiledFile

	proxy bool // [P] passes requests on
}

type compiledFile struct {
	text string
	file *rewrite.File
}

// Dialect is how .htaccess files are read; proxy: [P] passes requests on.
func Dialect(allowed rewrite.Override, proxy bool) *rewrite.Dialect {
	return &rewrite.Dialect{
		Allowed: allowed, Modules: modules(proxy),
		Exists: func(path string) bool { return infoOfOS(os.Stat(path)).Kind != rewrite.Missing },
		IndexOptions: func(words []string) error {
			_, err := listing.ParseOptions(words)
			return err
		},
	}
}

// modules are those that IfModule finds here and not everywhere.
func modules(proxy bool) []string {
	if proxy {
		return []string{"proxy_http"}
	}
	return nil
}

// get reads a file and returns what it compiles to: what was there before if the
// text is the same. note is told of findings when it is compiled. name and dir are kept.
func (c *compiledFiles) get(name, dir string, allowed rewrite.Override, note func(rewrite.Finding)) *rewrite.File {
	b, err := readBounded(name, htaccessBytesMax)
	if err != nil {
		f := unreadable(name, dir, err)
		note(*f.Fault)
		return f
	}
	text := string(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.m[name]; ok && e.text == text {
		return e.file
	}
	f := rewrite.Compile(text, name, dir, Dialect(allowed, c.proxy))
	if f.Fault != nil {
		note(*f.Fault)
	}
	for _, n := range f.Findings {
		if n.Level == rewrite.Warning {
			note(n)
		}
	}
	if c.m == nil || len(c.m) >= foldersKnownMax {
		c.m = map[string]compiledFile{}
	}
	c.m[name] = compiledFile{text, f}
	return f
}
