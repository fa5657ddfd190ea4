package responder

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
	// socketName is that of the socket in its folder.
	socketName = "fcgi.sock"
	// staleFolderAge is how old a folder is before it may be a dead server's.
	staleFolderAge = time.Minute
	// socketPathMaxBytes is what fits sockaddr_un everywhere, with a NUL.
	socketPathMaxBytes = 103
)

// listen makes a folder that only this user may enter, in parent ("": the
// temporary folder), and a socket in it. prefix begins the folder's name and tells
// servers apart. Where the path would be too long for a socket's name the folder is
// made in /tmp.
func listen(parent, prefix string) (folder string, ln net.Listener, err error) {
	if parent == "" {
		parent = os.TempDir()
	}
	// MkdirTemp appends at most ten digits.
	if len(filepath.Join(parent, prefix+"4294967295", socketName)) > socketPathMaxBytes {
		parent = "/tmp"
	}
	removeStale(parent, prefix, time.Now())
	folder, err = os.MkdirTemp(parent, prefix) // mode 0700
	if err != nil {
		return "", nil, fmt.Errorf("responder: private folder: %w", err)
	}
	ln, err = net.Listen("unix", filepath.Join(folder, socketName))
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("responder: %w", err), remove(folder))
	}
	return folder, ln, nil
}

// removeStale removes the folders of servers that were killed: nobody listens on
// their sockets. Faults are not reported; a folder that stays does no harm.
func removeStale(parent, prefix string, now time.Time) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), prefix) {
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

// remove gives a folder back, its socket with it.
func remove(folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("responder: private folder: %w", err)
	}
	return nil
}
