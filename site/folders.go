package site

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// heard is an answer that a request waited for, kept until its response is made:
// the rules run again from the start, and must not ask the same again.
type heard struct {
	folder  string
	list    folderNames
	file    *mapFile
	program *mapProgram
	key     string
	value   string
	found   bool
	err     error
}

// folderNames is what a folder held when it was read; nil if it can't be.
type folderNames struct {
	read  time.Time
	names []string
}

// recall finds what the request was told.
func (w *world) recall(is func(h *heard) bool) *heard {
	if w.x == nil || w.x.ruling == nil {
		return nil
	}
	for _, h := range w.x.ruling.heard {
		if is(h) {
			return h
		}
	}
	return nil
}

// FolderNames implements rewrite.FolderReader. A large folder takes a while to
// read, so that is done beside the loop.
func (w *world) FolderNames(dir string) (names []string, done bool) {
	if f, ok := w.folders[dir]; ok && believed(f.read, w.sl.loop.Wall()) {
		return f.names, true
	}
	dir = strings.Clone(dir) // it is a part of a request
	if h := w.recall(func(h *heard) bool { return h.folder == dir }); h != nil {
		if h.err != nil {
			w.Log(h.err.Error())
			h.err = nil
		}
		if len(w.folders) >= foldersReadMax {
			clear(w.folders)
		}
		w.folders[dir] = h.list
		return h.list.names, true
	}
	w.wants = append(w.wants, question{answer: &heard{folder: dir}})
	return nil, false
}

// readFolder answers a question for a folder's names: what another request has
// just been told will do.
func (l *lookups) readFolder(h *heard) {
	l.mu.Lock()
	list, ok := l.folders[h.folder]
	l.mu.Unlock()
	if ok && believed(list.read, time.Now()) {
		h.list = list
		return
	}
	list = folderNames{read: time.Now()}
	if list.names, h.err = readNames(h.folder); h.err != nil {
		list.names = nil
	}
	h.list = list
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.folders) >= foldersReadMax {
		clear(l.folders)
	}
	l.folders[h.folder] = list
}

// readNames lists a folder as rewrite.FolderReader has it.
func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	names := []string{}
	for {
		part, err := d.ReadDir(folderBatch)
		for _, e := range part {
			name := e.Name()
			if e.IsDir() {
				name += "/"
			}
			names = append(names, name)
		}
		if len(names) > folderNamesMax {
			return nil, fmt.Errorf("site: more than %d files in %s: MultiViews looks for none there", folderNamesMax, dir)
		}
		if err != nil {
			break // io.EOF, or what has been read will do
		}
	}
	slices.Sort(names)
	return names, nil
}
