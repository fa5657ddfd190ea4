package static

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// openNonblock keeps the open of a FIFO from waiting for its writer.
const openNonblock = unix.O_NONBLOCK | unix.O_NOCTTY

// beneathFolder holds paths inside with openat2(RESOLVE_BENEATH): one system
// call, whatever the depth, and no race.
type beneathFolder struct{ fd int }

// openFolder picks openat2, or os.Root where the kernel or a sandbox refuses. The
// path has its symlinks resolved; one that was put there meanwhile is not followed.
func openFolder(path string) (folder, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &how)
	for errors.Is(err, unix.EINTR) {
		fd, err = unix.Openat2(unix.AT_FDCWD, path, &how)
	}
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		return openRootFolder(path)
	case err != nil:
		return nil, fmt.Errorf("static: open folder %q: %w", path, err)
	}
	return beneathFolder{fd}, nil
}

func (b beneathFolder) close() error { return unix.Close(b.fd) }

func (b beneathFolder) openat(name string, flags uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	for try := 0; ; try++ {
		fd, err := unix.Openat2(b.fd, name, &how)
		switch {
		case err == nil:
			return fd, nil
		case errors.Is(err, unix.EXDEV), errors.Is(err, unix.ELOOP):
			return -1, errMayEscape
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN) && try < raceRetries:
			// EAGAIN: a rename moved a folder while ".." was being checked.
			continue
		}
		return -1, err
	}
}

func (b beneathFolder) stat(name string) (facts, error) {
	fd, err := b.openat(name, unix.O_PATH)
	if err != nil {
		return facts{}, err
	}
	f, err := factsOfFD(fd)
	_ = unix.Close(fd)
	return f, err
}

func (b beneathFolder) open(name string) (*os.File, facts, error) {
	fd, err := b.openat(name, unix.O_RDONLY|openNonblock)
	if err != nil {
		return nil, facts{}, err
	}
	f, err := factsOfFD(fd)
	if err != nil || f.kind != File {
		_ = unix.Close(fd)
		return nil, f, err
	}
	return os.NewFile(uintptr(fd), name), f, nil
}

func factsOfFD(fd int) (facts, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return facts{}, err
	}
	f := facts{
		size:   st.Size,
		mtime:  time.Unix(st.Mtim.Unix()),
		change: st.Ctim.Nano(),
		dev:    uint64(st.Dev), //nolint:unconvert // Dev is 32 bits wide on some architectures
		inode:  st.Ino,
		owner:  st.Uid,
		exec:   st.Mode&0o111 != 0,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		f.kind = File
	case unix.S_IFDIR:
		f.kind = Dir
	default:
		f.kind = Special
	}
	return f, nil
}
