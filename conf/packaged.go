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
	{
		docroot: "/usr/share/mediawiki",
		follow: []string{
			"/var/lib/mediawiki/extensions", "/var/lib/mediawiki/images", "/var/lib/mediawiki/config",
			"/var/lib/mediawiki/LocalSettings.php", "/etc/mediawiki/LocalSettings.php", "/usr/share/javascript",
		},
	},
	{
		docroot: "/var/lib/mediawiki",
		follow:  []string{"/usr/share/mediawiki", "/etc/mediawiki/LocalSettings.php", "/usr/share/javascript"},
	},
	{
		docroot: "/usr/share/dokuwiki",
		follow:  []string{"/var/lib/dokuwiki/lib", "/usr/share/javascript"},
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
