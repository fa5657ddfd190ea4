package watch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// events are what a name can suffer that makes knowledge of it old.
const events = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_CLOSE_WRITE |
	unix.IN_ATTRIB | unix.IN_MOVE_SELF | unix.IN_DELETE_SELF | unix.IN_ONLYDIR

// Watcher watches folders by inotify(7). It is safe for concurrent use.
type Watcher struct {
	file *os.File // non-blocking, so that Close ends a Read
	tell func([]Change)

	mu   sync.Mutex
	dirs map[string]int32
	ids  map[int32]string
	full bool
}

// Change is a name in a watched folder that something happened to. A Name "" is
// about the folder itself: it was moved or removed, or events were lost.
type Change struct {
	Dir, Name string // Dir as it was given to Add
	Folder    bool   // Name is that of a folder
}

// New starts a Watcher. tell is called from its goroutine with what happened
// since the last call; it must not keep the slice.
func New(tell func([]Change)) (*Watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch: inotify_init1: %w", err)
	}
	w := &Watcher{file: os.NewFile(uintptr(fd), "inotify"), tell: tell, dirs: map[string]int32{}, ids: map[int32]string{}}
	go w.run()
	return w, nil
}

// Add watches a folder, and tells whether it is watched.
func (w *Watcher) Add(dir string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.dirs[dir]; ok {
		return true
	}
	if w.full || len(w.dirs) >= foldersMax {
		return false
	}
	conn, err := w.file.SyscallConn()
	if err != nil {
		return false
	}
	id, added := 0, error(nil)
	err = conn.Control(func(fd uintptr) { id, added = unix.InotifyAddWatch(int(fd), dir, events) })
	if err != nil || added != nil {
		w.full = w.full || added == unix.ENOSPC //nolint:errorlint // a bare errno
		return false
	}
	dir = strings.Clone(dir)
	if old, ok := w.ids[int32(id)]; ok {
		delete(w.dirs, old) // another name of the same folder
	}
	w.dirs[dir], w.ids[int32(id)] = int32(id), dir
	return true
}

// Close ends the Watcher.
func (w *Watcher) Close() error { return w.file.Close() }

func (w *Watcher) run() {
	buf := make([]byte, 64<<10)
	var changes []Change
	for {
		n, err := w.file.Read(buf)
		if err != nil || n <= 0 {
			return
		}
		changes = w.read(changes[:0], buf[:n])
		if len(changes) > 0 {
			w.tell(changes)
		}
	}
}

// read takes the kernel's records apart.
func (w *Watcher) read(changes []Change, b []byte) []Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(b) >= unix.SizeofInotifyEvent {
		id := int32(binary.NativeEndian.Uint32(b))
		mask := binary.NativeEndian.Uint32(b[4:])
		size := int(binary.NativeEndian.Uint32(b[12:]))
		name := b[unix.SizeofInotifyEvent : unix.SizeofInotifyEvent+size]
		b = b[unix.SizeofInotifyEvent+size:]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		if mask&unix.IN_Q_OVERFLOW != 0 {
			for dir := range w.dirs {
				changes = append(changes, Change{Dir: dir})
			}
			continue
		}
		dir, ok := w.ids[id]
		if !ok {
			continue
		}
		c := Change{Dir: dir, Name: string(name), Folder: mask&unix.IN_ISDIR != 0}
		switch {
		case mask&(unix.IN_MOVE_SELF|unix.IN_DELETE_SELF|unix.IN_IGNORED) != 0:
			c.Name = ""
			w.drop(dir)
		case c.Folder && mask&(unix.IN_DELETE|unix.IN_MOVED_FROM) != 0:
			// Not for one that comes: it may be watched already.
			w.drop(strings.TrimSuffix(dir, "/") + "/" + c.Name)
		}
		changes = append(changes, c)
	}
	return changes
}

// drop forgets a folder and those below it: their names lead elsewhere now.
func (w *Watcher) drop(dir string) {
	dir = strings.TrimSuffix(dir, "/")
	for name, id := range w.dirs {
		if rest, ok := strings.CutPrefix(name, dir); ok && (rest == "" || rest[0] == '/') {
			delete(w.dirs, name)
			delete(w.ids, id)
			w.remove(id)
		}
	}
	w.full = false
}

func (w *Watcher) remove(id int32) {
	conn, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _, _ = unix.InotifyRmWatch(int(fd), uint32(id)) })
}
