package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"sluice/conf"
	"sluice/php"
)

// configuredTime bounds the question what php.ini says.
const configuredTime = 5 * time.Second

// isolation is what keeps the processes of a site from those of others: who they
// are, and what they have for themselves. All workers of a site share it.
type isolation struct {
	who        runAs
	chroot     string
	private    *php.Private // nil: they share what php.ini names
	configured map[string]string
	closing    sync.Once
}

// isolate decides about a site whose PHP is bin. Folders that can't be had are a
// warning: the site works without.
func isolate(s *conf.Site, bin php.Binary, log *zap.Logger) (*isolation, error) {
	who, err := whoRuns(s)
	if err != nil {
		return nil, at(StageConfig, err)
	}
	if who.warning != "" {
		log.Warn(who.warning)
	}
	is := &isolation{who: who, chroot: s.PHP.Isolation.Chroot}
	if is.chroot != "" {
		if err := mayChroot(is.chroot, who.account); err != nil {
			return nil, at(StageConfig, err)
		}
		warnOfZones(is.chroot, log)
	}
	state := stateFolder(s)
	if state == "" {
		return is, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), configuredTime)
	defer cancel()
	if is.configured, err = php.Configured(ctx, bin, s.PHP.Env); err != nil {
		log.Warn("php does not tell its session handler; sessions stay where php.ini has them", zap.Error(err))
	}
	is.private, err = php.OpenPrivate(php.PrivateOptions{Site: stateName(s), State: state, Account: who.account, Chroot: is.chroot})
	if err != nil {
		log.Warn("the site's sessions and temporary files lie where php.ini has them, beside those of others; name a folder that sluice can write to in php.state, or \"off\"", zap.Error(err))
	}
	return is, nil
}

// apply sets a group's options; set are the site's own PHP settings.
func (is *isolation) apply(set map[string]string, opts *php.Options) {
	opts.Account, opts.Chroot = is.who.account, is.chroot
	if is.private == nil {
		return
	}
	maps.Copy(opts.Ini, is.private.Settings(set, is.configured))
	if is.chroot != "" {
		opts.ProbeDir = is.private.Tmp()
	}
}

// close gives the folders back, when nothing runs any more; nil has none.
func (is *isolation) close(log *zap.Logger) {
	if is == nil || is.private == nil {
		return
	}
	is.closing.Do(func() {
		if err := is.private.Close(); err != nil {
			log.Warn("private folders", zap.Error(err))
		}
	})
}

// runAs is who the processes of a site are.
type runAs struct {
	account *php.Account // nil: as sluice
	root    bool         // nobody else was found
	warning string
}

// whoRuns is the configured user, else, where sluice is root, the owner of the
// document root if that is possible. Without a choice of the configuration
// processes run as root rather than not at all.
func whoRuns(s *conf.Site) (runAs, error) {
	euid := os.Geteuid()
	if a := s.PHP.Isolation.Account; a != nil {
		switch {
		case euid == 0 && a.UID != 0:
			if lacks := missingPrivileges(); len(lacks) > 0 {
				return runAs{}, fmt.Errorf("php.user: sluice can't start processes as %q: it is root without %s; allow it these, or leave php.user out", s.PHP.Isolation.User, strings.Join(lacks, ", "))
			}
		case euid != 0 && euid == int(a.UID) && os.Getegid() == int(a.GID):
			return runAs{}, nil
		case euid != int(a.UID) || euid != 0:
			return runAs{}, fmt.Errorf("php.user: sluice can't start processes as %q: it does not run as root; start it as root (systemd: without User=), start it as that user, or leave php.user out", s.PHP.Isolation.User)
		}
		r := runAs{account: account(a)}
		if blocked, err := r.account.Reaches(s.Root); err == nil && blocked != "" {
			r.warning = fmt.Sprintf("scripts will not be found: php.user %s may not enter %q", r.account, blocked)
		}
		return r, nil
	}
	if euid != 0 {
		return runAs{}, nil
	}
	a, why := ownerOf(s.Root)
	if why == "" {
		return runAs{account: account(a)}, nil
	}
	return runAs{root: true, warning: "scripts run as root: " + why + "; give the site a user of its own (chown -R, or php.user): docs/isolation.md"}, nil
}

// ownerOf is who a document root belongs to, or why scripts can't run as him.
func ownerOf(root string) (a *conf.Account, why string) {
	uid, gid, err := fileOwner(root)
	switch {
	case err != nil:
		return nil, err.Error()
	case uid == 0:
		return nil, fmt.Sprintf("%q belongs to root", root)
	case uid == overflowUID:
		return nil, fmt.Sprintf("%q belongs to a user that this container does not know", root)
	}
	if lacks := missingPrivileges(); len(lacks) > 0 {
		return nil, "sluice is root without " + strings.Join(lacks, ", ")
	}
	a = conf.AccountOf(uid, gid)
	if strings.ContainsFunc(a.Name, func(c rune) bool { return c == '@' || c == '\\' || c <= ' ' }) {
		a.Name = "" // of a directory service: the number does
	}
	if blocked, err := account(a).Reaches(root); err != nil {
		return nil, err.Error()
	} else if blocked != "" {
		return nil, fmt.Sprintf("user %s, whom %q belongs to, may not enter %q", account(a), root, blocked)
	}
	return a, ""
}

// overflowUID stands for users that have no number in a user namespace.
const overflowUID = 65534

func account(a *conf.Account) *php.Account {
	return &php.Account{Name: a.Name, UID: a.UID, GID: a.GID, Groups: a.Groups, Home: a.Home}
}

// mayChroot says what is missing for a chroot.
func mayChroot(folder string, a *php.Account) error {
	switch {
	case os.Geteuid() != 0:
		return fmt.Errorf("php.chroot %q: sluice does not run as root; start it as root, or leave php.chroot out", folder)
	case a == nil || a.UID == 0:
		return fmt.Errorf("php.chroot %q: root gets out of any chroot; name a user in php.user", folder)
	}
	if blocked, err := a.Reaches(folder); err != nil || blocked != "" {
		return errors.Join(fmt.Errorf("php.chroot %q: user %s may not enter %q", folder, a, blocked), err)
	}
	return nil
}

// warnOfZones tells that PHP may need files that are not in its chroot: those of
// distributions take time zones from the system and crash without.
func warnOfZones(jail string, log *zap.Logger) {
	const zones = "/usr/share/zoneinfo"
	if _, err := os.Stat(zones); err != nil {
		return
	}
	if _, err := os.Stat(filepath.Join(jail, zones)); err != nil {
		log.Warn("the PHP of Debian and others crashes when a script asks for a time zone that it can't find; copy "+zones+" into the chroot, or mount it there", zap.String("chroot", jail))
	}
}

// describe is for the banner.
func (is *isolation) describe() string {
	switch {
	case is == nil:
		return ""
	case is.who.root:
		return ", AS ROOT (docs/isolation.md)"
	case is.who.account == nil:
		return ""
	case is.chroot != "":
		return fmt.Sprintf(", as %s in %s", is.who.account, is.chroot)
	}
	return ", as " + is.who.account.String()
}

// abandon gives back what a site's PHP has besides its processes; nil has nothing.
func (r *phpRunner) abandon() {
	if r != nil {
		r.isolation.close(r.log)
	}
}
