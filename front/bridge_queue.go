package front

import (
	"sync"

	"sluice/loop"
)

// endKind says how far a response has come.
type endKind uint8

const (
	more   endKind = iota // the loop is at it
	whole                 // all of it is in the queue
	broken                // the rest will never come
)

// piece is a part of a response's content: octets, or a range of a file.
type piece struct {
	bytes  []byte
	shared bool // bytes are not ours and never change
	file   loop.FileRef
	off, n int64 // of the file
}

// bridgeQueue carries a response from its loop to its goroutine.
//
// Invariant: octets is the length of all pieces that are not yet written.
type bridgeQueue struct {
	mu     sync.Mutex
	head   *bridgeHead
	pieces []piece
	octets int64
	full   bool
	end    endKind
}

// write copies p.
func (q *bridgeQueue) write(p []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.grow(int64(len(p)))
	if n := len(q.pieces); n > 0 {
		last := &q.pieces[n-1]
		if last.file == nil && !last.shared && len(last.bytes)+len(p) <= cap(last.bytes) {
			last.bytes = append(last.bytes, p...)
			return
		}
	}
	b := append(make([]byte, 0, max(len(p), pieceBytesMin)), p...)
	q.pieces = append(q.pieces, piece{bytes: b})
}

// push takes a piece as it is; n is its length.
func (q *bridgeQueue) push(p piece, n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.grow(n)
	q.pieces = append(q.pieces, p)
}

func (q *bridgeQueue) grow(n int64) {
	q.octets += n
	if q.octets > bridgeHighBytes {
		q.full = true
	}
}

func (q *bridgeQueue) isFull() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.full
}

// wrote takes n octets off, and tells whether there is room again.
func (q *bridgeQueue) wrote(n int64) (room bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.octets -= n
	if !q.full || q.octets > bridgeLowBytes {
		return false
	}
	q.full = false
	return q.end == more
}

// take empties the queue.
func (q *bridgeQueue) take() (*bridgeHead, []piece, endKind) {
	q.mu.Lock()
	defer q.mu.Unlock()
	head, batch := q.head, q.pieces
	q.head, q.pieces = nil, nil
	return head, batch, q.end
}

// drop empties the queue of what nobody will write.
func (q *bridgeQueue) drop() []piece {
	_, pieces, _ := q.take()
	return pieces
}

func (q *bridgeQueue) setHead(h *bridgeHead) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.head = h
}

func (q *bridgeQueue) finish(end endKind) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.end = end
}

// complete tells whether the loop is done with the response and nothing waits.
func (q *bridgeQueue) complete() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.end != more && len(q.pieces) == 0
}

// idle tells whether nothing has come since the last take.
func (q *bridgeQueue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.end == more && q.head == nil && len(q.pieces) == 0
}

// release lets go of the files; on their loop, or after its end.
func release(pieces []piece) {
	for i := range pieces {
		if pieces[i].file != nil {
			pieces[i].file.Release()
		}
	}
}
