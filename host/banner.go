package host

import (
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"sluice/conf"
)

// Banner tells people what runs.
func (h *Host) Banner(w io.Writer, version string) {
	_, _ = fmt.Fprintf(w, "sluice %s\n", version)
	for _, a := range h.addrs {
		_, _ = fmt.Fprintf(w, "  listening  %s\n", shownAddress(a))
	}
	for _, p := range h.sites {
		name := p.cfg.App
		if p.cfg.AppVersion != "" {
			name += " " + p.cfg.AppVersion
		}
		_, _ = fmt.Fprintf(w, "  site       %s: %s\n  docroot    %s\n", p.cfg.Label(), name, p.cfg.Root)
		if fc := p.cfg.FrontController; fc != "" {
			_, _ = fmt.Fprintf(w, "  front      %s\n", fc)
		}
		if into := p.followed(); into != "" {
			_, _ = fmt.Fprintf(w, "  follows    %s\n", into)
		}
		_, _ = fmt.Fprintf(w, "  php        %s\n", p.describePHP())
	}
	_, _ = fmt.Fprintf(w, "  engine     %s, %d loop(s)\n", h.engine, len(h.loops))
}

// followed names the places outside the document root that links may lead into, ""
// for none.
func (p *Site) followed() string {
	if p.cfg.Symlinks == conf.SymlinksFollow {
		return "every symbolic link, wherever it leads (symlinks = \"follow\")"
	}
	var list []string
	for _, name := range slices.Concat(p.cfg.FollowInto, p.cfg.FollowFound) {
		if name != p.cfg.Root && !strings.HasPrefix(name, p.cfg.Root+string(filepath.Separator)) {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return ""
	}
	text := "links into " + strings.Join(list[:min(len(list), followedShownMax)], ", ")
	if more := len(list) - followedShownMax; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// followedShownMax bounds the places named for each site: hundreds of plugins may
// be links.
const followedShownMax = 16

func shownAddress(a string) string {
	if ap, err := netip.ParseAddrPort(a); err == nil {
		host := ap.Addr().String()
		if ap.Addr().IsUnspecified() {
			host = "localhost"
		} else if ap.Addr().Is6() {
			host = "[" + host + "]"
		}
		return fmt.Sprintf("http://%s:%d/", host, ap.Port())
	}
	return a
}

func (p *Site) describePHP() string {
	if p.php == nil {
		return "off"
	}
	r := p.php
	v := r.bin.Version
	if f := r.facts.Load(); f != nil {
		v = f.Version
	}
	if v == "" {
		v = "PHP"
	}
	text := fmt.Sprintf("%s (%s), %d workers", v, r.where, r.conns)
	if most := r.sizer.max; most > r.conns {
		text += fmt.Sprintf(", up to %d when requests wait", most)
	}
	text += r.isolation.describe()
	if r.group == nil {
		text = fmt.Sprintf("%s at %s, up to %d connections", v, r.where, r.pool.Conns())
	}
	if err := r.pool.Down(); err != nil {
		text += "; NOT RUNNING: " + err.Error()
	}
	return text
}
