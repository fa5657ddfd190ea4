package cgid

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	folderPrefix = "sluice-cgid-"
	socketName   = "cgi.sock"
)

// listen makes a folder that only this user may enter, in parent, and a socket
// in it. Where the path would be too long for a socket's name the folder is made
// in /tmp.
func listen(parent string) (folder string, ln net.Listener, err error) {
	if parent == "" {
		parent = os.TempDir()
	}
	// MkdirTemp appends at most ten digits.
	if len(filepath.Join(parent, folderPrefix+"4294967295", socketName)) > socketPathMaxBytes {
		parent = "/tmp"
	}
	removeStale(parent, time.Now())
	folder, err = os.MkdirTemp(parent, folderPrefix) // mode 0700
	if err != nil {
		return "", nil, fmt.Errorf("cgid: private folder: %w", err)
	}
	ln, err = net.Listen("unix", filepath.Join(folder, socketName))
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("cgid: %w", err), removeFolder(folder))
	}
	return folder, ln, nil
}

// removeStale removes the folders of servers that were killed: nobody listens on
// their sockets. Faults are not reported; a folder that stays does no harm.
func removeStale(parent string, now time.Time) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), folderPrefix) {
			continue
		}
		info, err := entry.Info()
		if err != nil || now.Sub(info.ModTime()) < staleFolderAge {
			continue
		}
		folder := filepath.Join(parent, entry.Name())
		nc, err := net.Dial("unix", filepath.Join(folder, socketName))
		if err == nil {
			_ = nc.Close()
		} else if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist) {
			_ = os.RemoveAll(folder)
		}
	}
}

func removeFolder(folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("cgid: private folder: %w", err)
	}
	return nil
}
