package conf

import (
	"path/filepath"
	"slices"
)

// packaged are applications as Debian installs them: parts of them lie
// elsewhere, where links or Apache's Alias lead.
var packaged = []struct {
	docroot string
	follow  []string
	aliases []Alias
}{
	{
		docroot: "/usr/share/wordpress",
		follow: []string{
			"/usr/share/javascript", "/usr/share/php", "/usr/share/wordpress", "/etc/wordpress/htaccess", "/var/lib/wordpress/wp-content",
		},
		// wp-config.php of the package sets WP_CONTENT_DIR to it.
		aliases: []Alias{{"/wp-content", "/var/lib/wordpress/wp-content"}},
	},
	{
		docroot: "/usr/share/phpmyadmin",
		follow:  []string{"/usr/share/javascript", "/usr/share/doc/phpmyadmin"},
	},
}

// addPackaged adds those of a package's places that exist.
func addPackaged(a *App) {
	real, err := filepath.EvalSymlinks(a.Docroot)
	if err != nil {
		return
	}
	for _, p := range packaged {
		if p.docroot != real {
			continue
		}
		for _, target := range p.follow {
			if (isFile(target) || isDir(target)) && !slices.Contains(a.FollowInto, target) {
				a.FollowInto = append(a.FollowInto, target)
			}
		}
		for _, alias := range p.aliases {
			if isDir(alias.Dir) {
				a.Aliases = append(a.Aliases, alias)
			}
		}
	}
}
