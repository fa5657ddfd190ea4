package site

import (
	"bytes"
	"fmt"
	"strings"

	"sluice/cgi"
)

// outsideChroot refuses a script that PHP, in its chroot, can't see: the same path
// may be another file in there.
func (x *Exchange) outsideChroot() bool {
	jail := x.site.opts.Chroot
	if jail == "" || !x.plan.isPHP() {
		return false
	}
	file := x.plan.root.cache.RealRoot()
	if a := x.plan.ruled; a != nil {
		file = a.Filename
	}
	if inside := strings.TrimPrefix(file, jail); len(inside) < len(file) && (inside == "" || inside[0] == '/') {
		return false
	}
	x.fail(403, fmt.Errorf("site: script below %q is not in PHP's chroot %q", file, jail))
	return true
}

// enterChroot gives the paths of an environment as PHP sees them.
func (x *Exchange) enterChroot(e *cgi.Environment) {
	jail := x.site.opts.Chroot
	if jail == "" || !x.plan.isPHP() {
		return
	}
	for _, path := range []*[]byte{&e.ScriptFilename, &e.DocumentRoot, &e.PathTranslated} {
		*path = entered(jail, *path)
	}
	for i := range e.Variables {
		if v := &e.Variables[i]; v.Name == "CONTEXT_DOCUMENT_ROOT" {
			v.Value = view(entered(jail, octets(v.Value)))
		}
	}
}

func entered(jail string, path []byte) []byte {
	rest, ok := bytes.CutPrefix(path, octets(jail))
	switch {
	case !ok:
		return path
	case len(rest) == 0:
		return slash
	case rest[0] == '/':
		return rest
	}
	return path
}

// leftChroot gives a path that a script named as we see it.
func (s *local) leftChroot(path []byte) []byte {
	if s.opts.Chroot == "" {
		return path
	}
	return append([]byte(s.opts.Chroot), path...)
}
