package session

import (
	"sync"

	"sluice/cgi"
	"sluice/gateway"
	"sluice/loop"
)

// head is a copy of a response's head.
type head struct {
	status     int
	reason     string
	fields     [][2]string
	length     int64 // -1 if not known
	unbuffered bool
}

// item is a part of a response on its way to its reader: one of these.
type item struct {
	head    *head
	b       []byte
	file    loop.FileRef
	off, n  int64
	end     bool
	failure *gateway.Failure
}

func (it *item) size() int64 { return int64(len(it.b)) + it.n }

// flow is the queue between the loop, which puts, and a reader, which takes.
type flow struct {
	mu     sync.Mutex // guards all below
	more   *sync.Cond
	items  []item
	bytes  int64
	taken  int64 // items so far
	full   bool  // over the high mark; room is owed
	closed bool
	room   func() // called when there is room again, without the lock
}

func (f *flow) init(room func()) {
	f.more = sync.NewCond(&f.mu)
	f.room = room
}

// put adds an item; a closed flow drops it.
func (f *flow) put(it item) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		if it.file != nil {
			it.file.Release()
		}
		return
	}
	f.items = append(f.items, it)
	if f.bytes += it.size(); f.bytes > flowBytesHigh {
		f.full = true
	}
	f.more.Signal()
}

// isFull asks whoever puts to wait for room.
func (f *flow) isFull() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.full
}

// take waits for the next item; false when closed.
func (f *flow) take() (item, bool) {
	f.mu.Lock()
	for len(f.items) == 0 && !f.closed {
		f.more.Wait()
	}
	if f.closed {
		f.mu.Unlock()
		return item{}, false
	}
	it := f.items[0]
	f.items[0] = item{}
	f.items = f.items[1:]
	f.bytes -= it.size()
	f.taken++
	wake := f.full && f.bytes <= flowBytesLow
	if wake {
		f.full = false
	}
	f.mu.Unlock()
	if wake {
		f.room()
	}
	return it, true
}

// waits tells whether something waits for the reader, and how many items he has
// taken.
func (f *flow) waits() (taken int64, waiting bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.taken, len(f.items) > 0 && !f.closed
}

// close makes take answer false. Files that wait are the caller's to release.
func (f *flow) close() (files []loop.FileRef) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for i := range f.items {
		if f.items[i].file != nil {
			files = append(files, f.items[i].file)
		}
	}
	f.items = nil
	f.more.Broadcast()
	return files
}

// copyHead copies what belongs to the gateway.
func copyHead(res *cgi.Response, length int64) *head {
	h := &head{status: res.Status, reason: string(res.Reason), length: length, unbuffered: res.Unbuffered}
	for i := range res.Fields {
		h.fields = append(h.fields, [2]string{string(res.Fields[i].Name), string(res.Fields[i].Value)})
	}
	return h
}
