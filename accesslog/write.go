package accesslog

import (
	"bytes"
	"fmt"
	"io"
)

// write is the goroutine that owns the file.
func (l *Log) write() {
	defer close(l.written)
	for {
		select {
		case c := <-l.queue:
			l.take(c)
		case <-l.kick:
			l.takeNext()
		case <-l.stop:
			l.finish()
			return
		}
	}
}

// putQueued writes what is queued now.
func (l *Log) putQueued() {
	for {
		select {
		case c := <-l.queue:
			l.take(c)
		default:
			return
		}
	}
}

// finish writes what is queued and closes the file.
func (l *Log) finish() {
	l.putQueued()
	l.takeNext()
	if err := l.out.Close(); err != nil {
		l.ended = fmt.Errorf("accesslog: %w", err)
	}
}

// takeNext changes over to the file that Reopen has opened.
func (l *Log) takeNext() {
	l.mu.Lock()
	next := l.next
	l.next = nil
	l.mu.Unlock()
	if next != nil {
		l.change(next)
	}
}

// take handles what comes through the queue.
func (l *Log) take(c chunk) {
	if c.next != nil {
		l.change(c.next)
		return
	}
	l.put(c)
}

func (l *Log) change(next file) {
	if err := l.out.Close(); err != nil {
		l.report(fmt.Errorf("accesslog: %w", err))
	}
	l.out, l.torn = next, false
}

// put writes one buffer and gives it back.
func (l *Log) put(c chunk) {
	rest, written := c.buf, 0
	if l.torn {
		// End the line that a failed write left half, or the next one would
		// be read as its rest.
		n, err := l.out.Write([]byte{'\n'})
		if n == 0 {
			l.fail(err, c.lines)
			return
		}
		l.torn = false
	}
	n, err := l.out.Write(rest)
	if err == nil && n < len(rest) {
		err = io.ErrShortWrite
	}
	if err != nil {
		written = bytes.Count(rest[:n], []byte{'\n'})
		l.torn = n > 0 && rest[n-1] != '\n'
		l.fail(err, c.lines-written)
	} else {
		written = c.lines
		l.failing = false
	}
	l.lines.Add(uint64(written))
	l.bytes.Add(uint64(n))
	if cap(c.buf) <= bufferBytesKept {
		select {
		case l.free <- c.buf[:0]:
		default:
		}
	}
}

// fail counts a failed write and reports the first of a row.
func (l *Log) fail(err error, lost int) {
	l.failures.Add(1)
	l.dropped.Add(uint64(lost))
	if !l.failing {
		l.failing = true
		l.report(fmt.Errorf("accesslog: %s: %d lines lost, and more until it can be written again: %w", l.out.Name(), lost, err))
	}
}
