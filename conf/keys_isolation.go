package conf

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Isolation is what keeps the scripts of a site from those of others.
type Isolation struct {
	// User and Group are names or numbers; "" lets sluice choose. Account is what
	// the system says of them, nil without User.
	User, Group string
	Account     *Account
	// Chroot is the folder that workers take for the root of the file system,
	// absolute; "" for none.
	Chroot string
	// State is the folder that holds the sites' private ones, absolute; "" lets
	// sluice choose. StateOff: sites have none.
	State string
}

// StateOff as Isolation.State leaves sessions and temporary files where php.ini
// has them.
const StateOff = "off"

// isolationKeys are the site keys of the table php that keep sites apart.
var isolationKeys = []key{
	{
		path: "php.user", kind: kindText, def: `""`, defText: "the owner of the document root",
		about:   "User, by name or number, that the site's own PHP workers and CGI programs run as, with his groups and without privileges. Takes a sluice that was started as root. See [isolation](isolation.md).",
		setText: func(t target, s string) error { t.site.PHP.Isolation.User = s; return checkAccountName(s) },
	},
	{
		path: "php.group", kind: kindText, def: `""`, defText: "the user's",
		about:   "Group of these processes, by name or number, in place of the user's first one.",
		setText: func(t target, s string) error { t.site.PHP.Isolation.Group = s; return checkAccountName(s) },
	},
	{
		path: "php.chroot", kind: kindText, def: `""`, defText: "`false`", flagged: true, resolve: resolveChroot,
		about:   "Folder that workers see as the root of the file system, with `manager = \"fpm\"` and a sluice that was started as root; `true` for the site's `root`. The document root must lie in it. See [isolation](isolation.md).",
		setText: setChroot,
	},
	{
		path: "php.state", kind: kindText, def: `""`, defText: "`$STATE_DIRECTORY`, `/var/lib/sluice` or `~/.local/state/sluice`", resolve: resolvePath,
		about:   "Folder in which each site has one for its sessions, temporary files and uploads, closed to other sites; `off` leaves them where php.ini has them. What `php.ini` sets here wins. See [isolation](isolation.md).",
		setText: func(t target, s string) error { t.site.PHP.Isolation.State = s; return nil },
	},
}

func checkAccountName(s string) error {
	if !printable(s) || strings.ContainsAny(s, ":/, ") {
		return fmt.Errorf("%q is no name of a user or group", s)
	}
	return nil
}

func resolveChroot(base, s string) string {
	if s == "true" || s == "false" {
		return s
	}
	return resolvePath(base, s)
}

func setChroot(t target, s string) error {
	switch {
	case s == "false" || s == "off":
		s = ""
	case s != "true" && s != "" && !filepath.IsAbs(s):
		return fmt.Errorf("%q is no folder", s)
	case filepath.Dir(s) == s && s != "true" && s != "":
		return errors.New("\"/\" is the root of the file system anyway")
	}
	t.site.PHP.Isolation.Chroot = s
	return nil
}

// checkAccount looks user and group up.
func (dr *draft) checkAccount(i int) {
	is := &dr.config.Sites[i].PHP.Isolation
	if is.User == "" {
		if is.Group != "" {
			dr.report(i, "php.group", fmt.Sprintf("group %q needs a user; add php.user", is.Group), nil)
		}
		return
	}
	a, err := lookupAccount(is.User)
	if err != nil {
		dr.report(i, "php.user", fmt.Sprintf("\"php.user\": %v", err), err)
		return
	}
	if is.Group != "" {
		if a.GID, err = lookupGroup(is.Group); err != nil {
			dr.report(i, "php.group", fmt.Sprintf("\"php.group\": %v", err), err)
			return
		}
	}
	is.Account = a
}

// checkChroot wants a folder that holds the document root, nothing else that
// would run outside of it, and private folders in it.
func (dr *draft) checkChroot(i int) {
	s := &dr.config.Sites[i]
	is := &s.PHP.Isolation
	if is.State != "" && is.State == s.Root {
		dr.report(i, "php.state", fmt.Sprintf("%q is the document root; sessions need a folder that is not served", is.State), nil)
	}
	if is.Chroot == "" {
		return
	}
	if is.Chroot == "true" {
		is.Chroot = s.Dir
	}
	if s.PHP.Manager != "fpm" {
		dr.report(i, "php.chroot", "php-cgi can't be started in a chroot, where neither it nor its libraries are; php-fpm goes there after its start: add php.manager = \"fpm\"", nil)
	}
	if s.CGI.Enabled() {
		dr.report(i, "php.chroot", "CGI programs of the site would run outside of the chroot; give them a site of their own", nil)
	}
	if len(s.PHP.Servers) > 0 || s.PHP.Mode == PHPUnix || s.PHP.Mode == PHPTCP || s.PHP.Mode == PHPOff {
		dr.report(i, "php.chroot", "the site's PHP is not run by sluice, so it can't be put into a chroot; that is a matter of its own configuration", nil)
	}
	folder, err := filepath.EvalSymlinks(is.Chroot)
	if err != nil {
		dr.report(i, "php.chroot", fmt.Sprintf("\"php.chroot\": %q: %v", is.Chroot, reason(err)), err)
		return
	}
	is.Chroot = folder
	root, err := filepath.EvalSymlinks(s.Root)
	if err == nil && !within(root, folder) {
		dr.report(i, "php.chroot", fmt.Sprintf("document root %q is not in the chroot %q", root, folder), nil)
	}
	if is.State != "" && is.State != StateOff && !within(is.State, folder) {
		dr.report(i, "php.state", fmt.Sprintf("%q is not in the chroot %q, so that PHP would not find it; leave php.state out", is.State, folder), nil)
	}
}

// within tells whether a clean path is a folder or below it.
func within(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}
