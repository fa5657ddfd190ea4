package conf

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// Account is a user of the system that processes can run as.
type Account struct {
	Name     string // "" if the number has no name
	UID, GID uint32
	Groups   []uint32 // supplementary ones
	Home     string   // "" if there is none
}

// lookupAccount finds a user by name or number. A number need not have a name:
// folders of containers often belong to such.
func lookupAccount(s string) (*Account, error) {
	u, err := user.Lookup(s)
	n, numeric := accountNumber(s)
	if err != nil && numeric {
		return AccountOf(n, n), nil
	}
	if err != nil {
		return nil, fmt.Errorf("there is no user %q on this machine%s", s, orCreate(s, "/etc/passwd", "useradd --system --user-group "))
	}
	return fromUser(u)
}

// AccountOf is the user of a number; gid counts if he has no entry.
func AccountOf(uid, gid uint32) *Account {
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		if a, err := fromUser(u); err == nil {
			return a
		}
	}
	return &Account{UID: uid, GID: gid}
}

func fromUser(u *user.User) (*Account, error) {
	uid, ok := accountNumber(u.Uid)
	gid, ok2 := accountNumber(u.Gid)
	if !ok || !ok2 {
		return nil, errors.New("users have no numbers on this system; leave php.user out")
	}
	a := &Account{Name: u.Username, UID: uid, GID: gid, Home: u.HomeDir}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of user %q: %w", u.Username, err)
	}
	for _, id := range ids {
		if n, ok := accountNumber(id); ok {
			a.Groups = append(a.Groups, n)
		}
	}
	return a, nil
}

func lookupGroup(s string) (uint32, error) {
	g, err := user.LookupGroup(s)
	if n, ok := accountNumber(s); err != nil && ok {
		return n, nil
	}
	if err != nil {
		return 0, fmt.Errorf("there is no group %q on this machine%s", s, orCreate(s, "/etc/group", "groupadd --system "))
	}
	n, ok := accountNumber(g.Gid)
	if !ok {
		return 0, errors.New("groups have no numbers on this system; leave php.group out")
	}
	return n, nil
}

func accountNumber(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && uint32(n) != ^uint32(0) // which stands for "leave it"
}

// orCreate is what to do about a name that is not there.
func orCreate(name, file, command string) string {
	var names []string
	data, err := os.ReadFile(file)
	for line := range strings.Lines(string(data)) {
		if known, _, ok := strings.Cut(line, ":"); err == nil && ok {
			names = append(names, known)
		}
	}
	if near := suggest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Sprintf("; create it: %s%s", command, name)
}
