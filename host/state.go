package host

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/conf"
	"sluice/site"
)

// stateFolder is where a site's private folders are, "" for nowhere.
func stateFolder(s *conf.Site) string {
	is := &s.PHP.Isolation
	switch {
	case is.State == conf.StateOff:
		return ""
	case is.State != "":
		return is.State
	case is.Chroot != "":
		return filepath.Join(is.Chroot, ".sluice")
	}
	// systemd's StateDirectory=; of several the first.
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); filepath.IsAbs(dir) {
		return dir
	}
	return systemStateFolder()
}

// stateFolders are the folders, without links, in which all sites have their private
// ones.
func stateFolders(cfg *conf.Config) []string {
	var list []string
	for i := range cfg.Sites {
		folder := stateFolder(&cfg.Sites[i])
		if folder == "" {
			continue
		}
		if folder = resolved(folder); !slices.Contains(list, folder) {
			list = append(list, folder)
		}
	}
	return list
}

// stateName is the name of a site's folder. Those without a host name are told
// apart by what they serve: several sluices on a machine have one each.
func stateName(s *conf.Site) string {
	if label := s.Label(); len(s.Names) > 0 && s.Names[0] != "*" {
		return label
	}
	sum := sha256.Sum256([]byte(s.Dir))
	return s.Label() + "-" + hex.EncodeToString(sum[:6])
}

// hiding refuses the paths of folders that are nobody's business, besides others.
type hiding struct {
	site.Matcher
	below []string
}

func (h hiding) Match(path string) bool {
	for _, folder := range h.below {
		if rest, ok := strings.CutPrefix(path, folder); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return h.Matcher != nil && h.Matcher.Match(path)
}

// denied are the paths that a site refuses: what it is told to, and the folders
// with sessions, its own or another site's, where they lie in what it serves.
func denied(s *conf.Site, states []string) site.Matcher {
	h := hiding{Matcher: s.Deny}
	for _, r := range append([]conf.Alias{{Dir: s.Root}}, s.Aliases...) {
		dir := resolved(r.Dir)
		for _, state := range states {
			rel, err := filepath.Rel(dir, state)
			if err == nil && filepath.IsLocal(rel) {
				h.below = append(h.below, strings.TrimSuffix(r.Prefix+"/"+filepath.ToSlash(rel), "/."))
			}
		}
	}
	if h.below == nil {
		return h.Matcher
	}
	return h
}

// resolved is a path without links, as far as it exists.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	up := filepath.Dir(path)
	if up == path {
		return path
	}
	return filepath.Join(resolved(up), filepath.Base(path))
}
