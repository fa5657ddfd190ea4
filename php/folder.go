package php

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const folderPrefix = "sluice-php-"

// folder is the private run folder of a group:
//
//	N.sock     listening socket of server N
//	gN.sock    listening socket after the Nth Reload, modulo workersMax
//	sN.sock    where the Nth php-fpm tells its status
//	fpm.conf   php-fpm's configuration
//	slow       the pipe that php-fpm writes traces of slow requests to
//	ini/       settings
//	probe.php  what Probe runs
type folder struct {
	path string
	lock *os.File // nil where folders cannot be locked
	as   *Account // who the workers are, nil for ourselves
	// probeSuffix is how the probe's name ends; "" is ".php".
	probeSuffix string
	fpm         bool // its processes begin as root
}

// newFolder makes a folder in parent ("" for the temporary folder) and removes
// those that a killed sluice left there. Where the path would be too long for a
// socket's name, or where the account that the workers are cannot get to, the
// folder is made in /tmp. It and all in it is ours, root's: the account may enter
// it and read what it needs; nobody but us may connect to the sockets.
func newFolder(parent string, as *Account) (*folder, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	// MkdirTemp appends at most ten digits; then comes the socket.
	longest := filepath.Join(parent, folderPrefix+"4294967295", "g"+strconv.Itoa(workersMax)+".sock")
	if len(longest) > socketPathMaxBytes || closedTo(parent, as) {
		parent = "/tmp"
	}
	removeStale(parent, time.Now())
	path, err := os.MkdirTemp(parent, folderPrefix) // mode 0700
	if err != nil {
		return nil, fmt.Errorf("php: run folder: %w", err)
	}
	f := &folder{path: path, as: as}
	if f.lock, err = lockFolder(path); err != nil {
		return nil, errors.Join(fmt.Errorf("php: run folder %q: %w", path, err), f.remove())
	}
	if err := as.admit(path, false); err != nil {
		return nil, errors.Join(fmt.Errorf("php: run folder %q: %w", path, err), f.remove())
	}
	return f, nil
}

func closedTo(dir string, as *Account) bool {
	if as == nil {
		return false
	}
	blocked, err := as.Reaches(dir)
	return err == nil && blocked != ""
}

// removeStale removes run folders whose owner is gone: nobody holds their lock.
// Faults are not reported; a folder of another user cannot be removed, and one
// that stays does no harm.
func removeStale(parent string, now time.Time) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !entry.IsDir() || !strings.HasPrefix(entry.Name(), folderPrefix) || now.Sub(info.ModTime()) < staleFolderAge {
			continue
		}
		path := filepath.Join(parent, entry.Name())
		lock, err := lockFolder(path)
		if err != nil || lock == nil {
			continue
		}
		_ = os.RemoveAll(path)
		_ = lock.Close()
	}
}

// write puts the ini file and the probe in place. It is done before every start:
// cleaners of temporary folders remove old files.
func (f *folder) write(settings map[string]string) error {
	if err := os.MkdirAll(f.ini(), 0o700); err != nil {
		return fmt.Errorf("php: run folder: %w", err)
	}
	if err := os.WriteFile(filepath.Join(f.ini(), "sluice.ini"), renderIni(settings), 0o600); err != nil {
		return fmt.Errorf("php: ini file: %w", err)
	}
	if err := os.WriteFile(f.probe(), []byte(probeScript), 0o600); err != nil {
		return fmt.Errorf("php: probe script: %w", err)
	}
	if err := f.share(); err != nil {
		return fmt.Errorf("php: run folder: %w", err)
	}
	return nil
}

// share lets the account read what PHP has to. The files become its own, as its
// group may be that of others.
//
// php-fpm's master, which is root, reads the ini file before it has workers: what
// they could write to must not be in it. They need only what it has read.
func (f *folder) share() error {
	if f.fpm {
		return f.as.give(f.probe())
	}
	return errors.Join(f.as.admit(f.ini(), true), f.as.give(filepath.Join(f.ini(), "sluice.ini")), f.as.give(f.probe()))
}

func (f *folder) ini() string { return filepath.Join(f.path, "ini") }
func (f *folder) probe() string {
	return filepath.Join(f.path, "probe"+orDefault(f.probeSuffix, ".php"))
}

func (f *folder) socket(n int) string {
	return filepath.Join(f.path, strconv.Itoa(n)+".sock")
}

// reloaded and status name sockets of one generation of processes; numbers come
// round when the first is long gone.
func (f *folder) reloaded(generation int) string { return f.numbered("g", generation) }
func (f *folder) status(generation int) string   { return f.numbered("s", generation) }

func (f *folder) numbered(kind string, generation int) string {
	return filepath.Join(f.path, kind+strconv.Itoa(generation%workersMax)+".sock")
}

// fpmListen is the name under which php-fpm gets our socket. No file has it:
// php-fpm removes what it listens on when it ends, and the socket is ours.
func (f *folder) fpmListen() string { return filepath.Join(f.path, "fpm.sock") }
func (f *folder) fpmConf() string   { return filepath.Join(f.path, "fpm.conf") }
func (f *folder) slow() string      { return filepath.Join(f.path, "slow") }

func (f *folder) remove() error {
	err := os.RemoveAll(f.path)
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}
