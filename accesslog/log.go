package accesslog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Options say where and how a Log writes.
type Options struct {
	// Path is the file, created with mode 0640 and appended to; "-" is
	// standard output.
	Path   string
	Format Format

	// Report is told of failed writes (once until a write succeeds again) and
	// of dropped lines (at most once a second). It is called from the Log's
	// goroutines, and must be safe for that. It may be nil.
	Report func(error)
}

// Stats are a Log's counters since it was opened.
type Stats struct {
	Lines   uint64 // written
	Bytes   uint64 // written
	Dropped uint64 // lines lost: queue full or write failed
	Errors  uint64 // failed writes
}

// file is what the Log needs of an *os.File.
type file interface {
	io.WriteCloser
	Name() string
}

// Log is one access log, shared by all loops.
type Log struct {
	options Options
	queue   chan chunk
	free    chan []byte
	kick    chan struct{} // a reopened file waits in next
	stop    chan struct{} // closed by Close
	written chan struct{} // closed when the write goroutine has ended
	once    sync.Once
	closed  error // what Close answers

	mu      sync.Mutex
	next    file // opened by Reopen, not yet taken by the write goroutine
	writers map[*Writer]struct{}

	lines, bytes, dropped, failures atomic.Uint64

	// Owned by the write goroutine:
	out     file
	failing bool  // the last write failed and was reported
	torn    bool  // the file ends in the middle of a line
	ended   error // from closing it; others may read it after written
}

// Open opens the file and starts the Log.
func Open(o Options) (*Log, error) {
	out, err := openFile(o.Path)
	if err != nil {
		return nil, err
	}
	return start(o, out, flushInterval), nil
}

func start(o Options, out file, interval time.Duration) *Log {
	l := &Log{
		options: o,
		queue:   make(chan chunk, queueBuffersMax),
		free:    make(chan []byte, queueBuffersMax),
		kick:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
		written: make(chan struct{}),
		writers: make(map[*Writer]struct{}),
		out:     out,
	}
	go l.write()
	go l.keepTime(interval)
	return l
}

func openFile(path string) (file, error) {
	if path == "-" {
		return standardOutput{}, nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("accesslog: %w", err)
	}
	return f, nil
}

// standardOutput is never closed: it is not ours.
type standardOutput struct{}

func (standardOutput) Write(b []byte) (int, error) { return os.Stdout.Write(b) }
func (standardOutput) Close() error                { return nil }
func (standardOutput) Name() string                { return "standard output" }

// Writer makes the handle of one loop. post is the loop's Post: with it the Log
// has the Writer flushed each second; if it is nil, the loop does so itself.
func (l *Log) Writer(post func(func())) *Writer {
	w := &Writer{log: l, post: post}
	w.flush = w.Flush
	l.mu.Lock()
	l.writers[w] = struct{}{}
	l.mu.Unlock()
	return w
}

func (l *Log) forget(w *Writer) {
	l.mu.Lock()
	delete(l.writers, w)
	l.mu.Unlock()
}

// Reopen opens the path anew, for a log file that was renamed (SIGUSR1). If
// that fails the old file stays in use. Lines appended before the call go to the
// old one, unless a loop is stuck.
func (l *Log) Reopen() error {
	if l.options.Path == "-" {
		return nil
	}
	f, err := openFile(l.options.Path)
	if err != nil {
		return err
	}
	l.flushAll()
	l.mu.Lock()
	select {
	case <-l.stop:
		l.mu.Unlock()
		return errors.Join(errors.New("accesslog: reopened after it was closed"), f.Close())
	default:
	}
	defer l.mu.Unlock()
	select {
	case l.queue <- chunk{next: f}: // behind the lines that belong to the old one
		return nil
	default:
	}
	// The disk does not keep up: the next write goes to the new file.
	earlier := l.next
	l.next = f
	select {
	case l.kick <- struct{}{}:
	default:
	}
	if earlier != nil {
		return earlier.Close()
	}
	return nil
}

// flushAll has all loops hand over their lines, and waits for them for a moment.
func (l *Log) flushAll() {
	l.mu.Lock()
	var flushed []chan struct{}
	for w := range l.writers {
		if w.post == nil {
			continue
		}
		done := make(chan struct{})
		flushed = append(flushed, done)
		w.post(func() { w.Flush(); close(done) })
	}
	l.mu.Unlock()
	timer := time.NewTimer(flushWait)
	defer timer.Stop()
	for _, done := range flushed {
		select {
		case <-done:
		case <-timer.C:
			return
		}
	}
}

// Stats returns the counters. Lines that still wait are in none of them.
func (l *Log) Stats() Stats {
	return Stats{
		Lines:   l.lines.Load(),
		Bytes:   l.bytes.Load(),
		Dropped: l.dropped.Load(),
		Errors:  l.failures.Load(),
	}
}

// Close writes what was handed over and closes the file. Writers must be
// closed before. A write that hangs is given up after five seconds.
func (l *Log) Close() error {
	l.once.Do(func() {
		l.mu.Lock()
		close(l.stop)
		l.mu.Unlock()
		timer := time.NewTimer(closeWait)
		defer timer.Stop()
		select {
		case <-l.written:
			l.closed = l.ended
		case <-timer.C:
			l.closed = fmt.Errorf("accesslog: %s: a write has been hanging for %v", l.options.Path, closeWait)
		}
	})
	return l.closed
}

func (l *Log) takeBuffer() []byte {
	select {
	case b := <-l.free:
		return b
	default:
		// Room for the line that crosses the mark.
		return make([]byte, 0, bufferBytesFlush+4<<10)
	}
}

func (l *Log) report(err error) {
	if l.options.Report != nil {
		l.options.Report(err)
	}
}

// keepTime asks loops that have lines to flush them, and reports drops. It is
// apart from the write goroutine because that one may hang in a write.
func (l *Log) keepTime(interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var reported uint64
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
		}
		if n := l.dropped.Load(); n > reported {
			l.report(fmt.Errorf("accesslog: %s: %d lines dropped", l.options.Path, n-reported))
			reported = n
		}
		l.mu.Lock()
		for w := range l.writers {
			if w.post != nil && w.full.Load() {
				w.post(w.flush)
			}
		}
		l.mu.Unlock()
	}
}
