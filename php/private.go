package php

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
)

// PrivateOptions say where the folders of a site are.
type PrivateOptions struct {
	Site  string // names the folder; two sites have different names
	State string // absolute; holds the folders of all sites, and is made if need be
	// Account is who the site's PHP is; nil is ourselves.
	Account *Account
	// Chroot is what Options.Chroot is; State then lies below it.
	Chroot string
}

// Private are the folders that the scripts of one site have for themselves, in
// STATE/SITE, which is closed to everybody else:
//
//	sessions/  session files; they survive restarts
//	tmp/       sys_temp_dir
//	uploads/   upload_tmp_dir
//
// STATE and SITE are ours and not the account's, so that nothing in them can be
// replaced by a link; all of it is reached through os.Root, for STATE may lie in
// a folder of the account, as it does in a chroot.
//
// A goroutine removes what is old in tmp and uploads. Close ends it, and takes
// away what is empty, if no other sluice has the site.
type Private struct {
	opts PrivateOptions // immutable
	base *os.Root       // Chroot, or State
	site string         // SITE from base, with slashes
	path string         // SITE, absolute
	lock *os.File       // SITE, locked as one of many users
	end  chan struct{}
	over sync.WaitGroup
}

// privateFolders are what SITE has.
var privateFolders = []string{"sessions", "tmp", "uploads"}

// OpenPrivate makes what is missing.
func OpenPrivate(o PrivateOptions) (*Private, error) {
	p, err := openPrivate(o)
	if err != nil {
		return nil, fmt.Errorf("php: private folders of %s in %q: %w", o.Site, o.State, err)
	}
	p.over.Go(p.sweepNowAndThen)
	return p, nil
}

func openPrivate(o PrivateOptions) (p *Private, err error) {
	if strings.ContainsAny(o.State, ";\"'\x00\r\n"+string(filepath.ListSeparator)) || !filepath.IsAbs(o.State) {
		return nil, errors.New("PHP takes such a path for something else")
	}
	p = &Private{opts: o, path: filepath.Join(o.State, folderName(o.Site)), end: make(chan struct{})}
	if o.Chroot == "" {
		_, missing := os.Lstat(o.State)
		if err := os.MkdirAll(o.State, o.folderMode()); err != nil {
			return nil, err
		}
		if missing != nil { // whatever our umask is
			if err := os.Chmod(o.State, o.folderMode()); err != nil {
				return nil, err
			}
		}
		if who := strangerAbove(o.State); o.Account != nil && who != "" {
			return nil, fmt.Errorf("%q belongs to somebody who could put a link in its place", who)
		}
	}
	top := orDefault(o.Chroot, o.State)
	if p.base, err = os.OpenRoot(top); err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(top, p.path)
	if err == nil && !filepath.IsLocal(rel) {
		err = fmt.Errorf("it is not in chroot %q", o.Chroot)
	}
	p.site = filepath.ToSlash(rel)
	// Another sluice that ends may remove the folder between our steps.
	for attempt := 0; err == nil; attempt++ {
		if err = p.make(); err == nil || attempt == privateAttempts || !errors.Is(err, fs.ErrNotExist) {
			break
		}
		err = nil
	}
	if err == nil && o.Account != nil {
		var blocked string
		if blocked, err = o.Account.Reaches(p.path); err == nil && blocked != "" {
			err = fmt.Errorf("user %s may not enter %q", o.Account, blocked)
		}
	}
	if err != nil {
		return nil, errors.Join(err, p.unlock(), p.base.Close())
	}
	return p, nil
}

// strangerAbove is the first folder on the way to one that does not belong to us or
// root; "" if there is none.
func strangerAbove(path string) string {
	for at := path; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil {
			return at
		}
		if who, known := ownerOf(info); known && who != 0 && who != os.Geteuid() {
			return at
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// folderMode is that of STATE: open to other accounts if we have any.
func (o *PrivateOptions) folderMode() os.FileMode {
	if o.Account != nil || os.Geteuid() == 0 {
		return 0o711
	}
	return 0o700
}

// folderName writes a site's name so that it is one folder's and no other's.
func folderName(site string) string {
	var b strings.Builder
	for i := range len(site) {
		if c := site[i]; isWord(rune(c)) || c == '.' && i > 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func (p *Private) make() error {
	if err := p.unlock(); err != nil {
		return err
	}
	if up := path.Dir(p.site); up != "." {
		if err := p.base.MkdirAll(up, p.opts.folderMode()); err != nil {
			return err
		}
		if info, err := p.base.Lstat(up); err != nil {
			return err
		} else if who, known := ownerOf(info); !info.IsDir() || known && who != os.Geteuid() {
			return fmt.Errorf("%q is not a folder of ours", up)
		}
	}
	if err := p.makeOne(p.site, nil); err != nil {
		return err
	}
	var err error
	if p.lock, err = p.base.Open(p.site); err != nil {
		return err
	}
	if err := lockShared(p.lock); err != nil {
		return err
	}
	if as := p.opts.Account; as != nil {
		err := errors.Join(p.base.Lchown(p.site, os.Geteuid(), int(as.GID)), p.lock.Chmod(0o710))
		if err != nil {
			return err
		}
	}
	for _, name := range privateFolders {
		if err := p.makeOne(path.Join(p.site, name), p.opts.Account); err != nil {
			return err
		}
	}
	return nil
}

// makeOne makes a folder, or sees that what is there is one, and the account's.
func (p *Private) makeOne(name string, as *Account) error {
	if err := p.base.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := p.base.Lstat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%q is no folder", name)
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if as != nil {
		uid, gid = int(as.UID), int(as.GID)
	}
	owner, known := ownerOf(info)
	switch {
	case !known || owner == uid:
		return nil
	case os.Geteuid() != 0:
		return fmt.Errorf("%q belongs to user %d", name, owner)
	case p.lock == nil: // SITE
		return p.base.Lchown(name, uid, gid)
	case !lockAlone(p.lock):
		return errors.Join(fmt.Errorf("%q is in use by another sluice, as user %d", name, owner), lockShared(p.lock))
	}
	return errors.Join(p.handOver(name, uid, gid), lockShared(p.lock))
}

// handOver gives a folder and its files to another user, as a site that has got
// a user of its own needs its sessions. It is ours meanwhile: nobody can put a
// link to something else in the place of a file. A file that has a second name
// elsewhere may be somebody's and stays.
func (p *Private) handOver(name string, uid, gid int) error {
	if err := p.base.Lchown(name, 0, -1); err != nil {
		return err
	}
	dir, err := p.base.Open(name)
	if err != nil {
		return err
	}
	entries, err := dir.ReadDir(-1)
	err = errors.Join(err, dir.Chmod(0o700), dir.Close())
	for _, e := range entries {
		info, infoErr := e.Info()
		if infoErr == nil && e.Type().IsRegular() && linksOf(info) == 1 {
			err = errors.Join(err, p.base.Lchown(path.Join(name, e.Name()), uid, gid))
		}
	}
	return errors.Join(err, p.base.Lchown(name, uid, gid))
}

// Tmp is the folder of temporary files, as we see it.
func (p *Private) Tmp() string { return filepath.Join(p.path, "tmp") }

// Path is the folder that holds the others.
func (p *Private) Path() string { return p.path }

// inside is a folder as the scripts see it.
func (p *Private) inside(name string) string {
	return strings.TrimPrefix(filepath.Join(p.path, name), p.opts.Chroot)
}

// Settings are PHP's, for these folders, where the site's own settings and
// php.ini's (see Configured) leave room for them. A session handler other than
// files keeps its path. Debian's php.ini leaves the removal of old sessions to a
// cron job, which knows its own folder only: PHP does it here.
func (p *Private) Settings(own, configured map[string]string) map[string]string {
	set := map[string]string{}
	leave := func(name, value string) {
		if _, ok := own[name]; !ok {
			set[name] = value
		}
	}
	effective := func(name string) string {
		if value, ok := own[name]; ok {
			return value
		}
		return configured[name]
	}
	leave("sys_temp_dir", p.inside("tmp"))
	leave("upload_tmp_dir", p.inside("uploads"))
	if _, ok := own["session.save_path"]; !ok && effective("session.save_handler") == "files" {
		set["session.save_path"] = p.inside("sessions")
		leave("session.gc_probability", "1")
		leave("session.gc_divisor", "1000")
	}
	if open := effective("open_basedir"); open != "" {
		for _, name := range privateFolders {
			open += string(filepath.ListSeparator) + p.inside(name)
		}
		set["open_basedir"] = open
	}
	return set
}

// Close ends the goroutine and removes the folders that are empty.
func (p *Private) Close() error {
	close(p.end)
	p.over.Wait()
	if lockAlone(p.lock) {
		for _, name := range privateFolders {
			_ = p.base.Remove(path.Join(p.site, name)) // fails if there is something
		}
		_ = p.base.Remove(p.site)
		for up := path.Dir(p.site); up != "."; up = path.Dir(up) {
			_ = p.base.Remove(up)
		}
	}
	return errors.Join(p.unlock(), p.base.Close())
}

func (p *Private) unlock() error {
	if p.lock == nil {
		return nil
	}
	err := p.lock.Close()
	p.lock = nil
	return err
}
