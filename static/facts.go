package static

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Kind is what a path leads to.
type Kind uint8

// The kinds of a path. Only File is ever served.
const (
	// Missing: there is nothing, or a component on the way is no folder.
	Missing Kind = iota
	// File is a regular file.
	File
	// Dir is a folder.
	Dir
	// Special is a FIFO, socket or device.
	Special
	// Forbidden: the file system denies us the way.
	Forbidden
	// Escape: a symlink leads out of the root, where the policy does not allow
	// it.
	Escape
	// Failed: the system failed (descriptors exhausted, I/O error); it says
	// nothing about the path and is asked again at the next look-up.
	Failed
)

func (k Kind) String() string {
	switch k {
	case Missing:
		return "missing"
	case File:
		return "file"
	case Dir:
		return "dir"
	case Special:
		return "special"
	case Forbidden:
		return "forbidden"
	case Escape:
		return "escape"
	case Failed:
		return "failed"
	}
	return "unknown"
}

// facts are what the file system says about a path.
type facts struct {
	kind   Kind
	size   int64
	mtime  time.Time
	change int64 // change time in ns where known: sees what kept the mtime
	dev    uint64
	inode  uint64
	owner  uint32      // user
	exec   bool        // somebody may execute it
	info   os.FileInfo // tells files apart where there are no inode numbers
}

// same tells whether nothing points to a change in between.
func (f *facts) same(o *facts) bool {
	if f.kind != o.kind || f.dev != o.dev || f.inode != o.inode {
		return false
	}
	if f.kind != File {
		return true
	}
	if f.size != o.size || f.change != o.change || !f.mtime.Equal(o.mtime) {
		return false
	}
	return f.info == nil || o.info == nil || os.SameFile(f.info, o.info)
}

// InodeOf is a file's number, 0 where the system has none.
func InodeOf(info os.FileInfo) uint64 {
	_, inode, _ := inodeOf(info)
	return inode
}

// OwnerOf is the user a file belongs to, 0 where the system has none.
func OwnerOf(info os.FileInfo) uint32 { return ownerOf(info) }

func factsOf(info os.FileInfo) facts {
	f := facts{size: info.Size(), mtime: info.ModTime(), info: info, owner: ownerOf(info), exec: info.Mode()&0o111 != 0}
	f.dev, f.inode, f.change = inodeOf(info)
	switch mode := info.Mode(); {
	case mode.IsRegular():
		f.kind = File
	case mode.IsDir():
		f.kind = Dir
	default:
		f.kind = Special
	}
	return f
}

// errMayEscape marks errors after which the path must be resolved by hand: a
// symlink went up, was absolute, or looped.
var errMayEscape = errors.New("static: symlink leaves the folder")

// kindOfError says what an error of open or stat means.
func kindOfError(err error) Kind {
	switch {
	case errors.Is(err, errMayEscape):
		return Escape
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG),
		errors.Is(err, fs.ErrInvalid), errors.Is(err, syscall.EINVAL):
		return Missing
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ELOOP):
		return Forbidden
	case errors.Is(err, syscall.ENXIO): // a socket, or a device without driver
		return Special
	}
	return Failed
}

func outOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
