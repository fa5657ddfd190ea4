package php

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// startOnly are variables that php-cgi reads once, at its start: our switches and
// the locale. It shows its whole environment to scripts, in $_SERVER, where they
// are nobody's business and differ from what other servers give.
var startOnly = []string{"PHP_FCGI_CHILDREN", "PHP_FCGI_MAX_REQUESTS", "PHP_INI_SCAN_DIR", "FCGI_WEB_SERVER_ADDRS", "LANG", "LANGUAGE"}

func isStartOnly(name string) bool {
	return slices.Contains(startOnly, name) || strings.HasPrefix(name, "LC_")
}

// hideEnviron blanks those names, but for the configured ones, in a php-cgi that
// has started: it takes a name with a space for none. Its children are done after it, so that one
// forked in between has no switches either. Where the system forbids it (a
// hardened ptrace_scope), they stay to be seen, which harms nothing.
func hideEnviron(leader int, configured map[string]string) error {
	err := hideIn(leader, configured)
	for _, c := range childrenOf(leader) {
		if e := hideIn(c.pid, configured); err == nil {
			err = e
		}
	}
	return err
}

func hideIn(pid int, configured map[string]string) error {
	err := blankIn(pid, configured)
	if err != nil {
		asOwner(strconv.Itoa(pid), func() { err = blankIn(pid, configured) })
	}
	return err
}

func blankIn(pid int, configured map[string]string) error {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return fmt.Errorf("php: environment of process %d: %w", pid, err)
	}
	// env_start and env_end are fields 50 and 51; the name, field 2, may have spaces.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const envStart, envEnd = 50 - 3, 51 - 3
	if len(fields) <= envEnd {
		return fmt.Errorf("php: process %d does not tell where its environment is", pid)
	}
	from, err1 := strconv.ParseInt(fields[envStart], 10, 64)
	to, err2 := strconv.ParseInt(fields[envEnd], 10, 64)
	if err1 != nil || err2 != nil || from <= 0 || to <= from || to-from > environBytesMax {
		return fmt.Errorf("php: process %d does not tell where its environment is", pid)
	}
	mem, err := os.OpenFile("/proc/"+strconv.Itoa(pid)+"/mem", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("php: environment of process %d: %w", pid, err)
	}
	defer func() { _ = mem.Close() }()
	block := make([]byte, to-from)
	if _, err := mem.ReadAt(block, from); err != nil {
		return fmt.Errorf("php: environment of process %d: %w", pid, err)
	}
	at := from
	for _, entry := range bytes.Split(block, []byte{0}) {
		name, _, _ := bytes.Cut(entry, []byte("="))
		if _, own := configured[string(name)]; !own && isStartOnly(string(name)) {
			if _, err := mem.WriteAt([]byte(" "), at); err != nil {
				return fmt.Errorf("php: environment of process %d: %w", pid, err)
			}
		}
		at += int64(len(entry)) + 1
	}
	return nil
}
