package php

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Account is the user that processes run as.
type Account struct {
	Name     string // "" if the number has no name
	UID, GID uint32
	Groups   []uint32 // supplementary ones, none of sluice's own
	Home     string   // "" if there is none
}

// String is how people know it.
func (a *Account) String() string {
	if a.Name != "" {
		return a.Name
	}
	return strconv.FormatUint(uint64(a.UID), 10)
}

// check returns why processes cannot run as this account; nil is ourselves. A
// number that is our own is fine, whoever we are.
func (a *Account) check(euid int) error {
	switch {
	case a == nil:
		return nil
	case strings.ContainsFunc(a.Name, func(c rune) bool { return !isWord(c) && c != '.' && c != '$' }):
		return fmt.Errorf("php: user %q: bad name", a.Name)
	case strings.ContainsAny(a.Home, "\x00\r\n"):
		return fmt.Errorf("php: home %q of user %s: bad name", a.Home, a)
	case euid != 0 && euid != int(a.UID):
		return fmt.Errorf("php: workers cannot run as user %q: sluice does not run as root", a)
	}
	return nil
}

// another returns the account if it is not the one that we run as.
func (a *Account) another() *Account {
	if a == nil || int(a.UID) == os.Geteuid() && int(a.GID) == os.Getegid() {
		return nil
	}
	return a
}

// set changes variables of an environment to those of a login, as php-fpm does.
func (a *Account) set(env map[string]string) {
	if a == nil {
		return
	}
	for name, value := range map[string]string{"HOME": a.Home, "USER": a.Name, "LOGNAME": a.Name} {
		delete(env, name)
		if value != "" {
			env[name] = value
		}
	}
	delete(env, "TMPDIR") // it may be closed to them, and PHP has sys_temp_dir
}

// give makes a file the account's.
func (a *Account) give(path string) error {
	if a == nil {
		return nil
	}
	return os.Lchown(path, int(a.UID), int(a.GID))
}

// admit makes a folder one that the account may enter (mode 0710) and, if list is
// true, read (0750), and nobody else but us. It stays ours: nothing in it can be
// replaced by a link to something that we would write to.
func (a *Account) admit(path string, list bool) error {
	if a == nil {
		return nil
	}
	mode := os.FileMode(0o710)
	if list {
		mode = 0o750
	}
	return errors.Join(os.Lchown(path, -1, int(a.GID)), os.Chmod(path, mode))
}

// Reaches tells whether the account may enter a folder and all those above it. If
// not, blocked is the first that it may not, or err why nobody knows.
func (a *Account) Reaches(dir string) (blocked string, err error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	if real, err = filepath.Abs(real); err != nil {
		return "", err
	}
	list := []string{real}
	for up := filepath.Dir(real); up != list[len(list)-1]; up = filepath.Dir(up) {
		list = append(list, up)
	}
	for i := len(list) - 1; i >= 0; i-- {
		info, err := os.Stat(list[i])
		if err != nil {
			return "", err
		}
		if !a.mayEnter(info) {
			return list[i], nil
		}
	}
	return "", nil
}
