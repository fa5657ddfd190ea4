package accesslog

import "sync/atomic"

// Writer is one loop's handle to a Log. Its methods may be called by its loop
// only.
type Writer struct {
	log *Log

	// Owned by the loop:
	buf   []byte
	lines int
	stamp stamp
	down  bool // Close was called

	// full is set by the loop when its buffer gets its first line, so that the
	// clock goroutine wakes only loops that have something to flush.
	full atomic.Bool
	post func(func()) // the loop's Post; nil if the loop keeps its own clock
	// flush is w.Flush, made once: a method value allocates.
	flush func()
}

// chunk is a buffer on its way to the file.
type chunk struct {
	buf   []byte
	lines int
	next  file // instead of lines: a reopened file, which takes what follows
}

// Append adds a line. It never blocks and does not allocate. When the queue is
// full the line is dropped and counted.
func (w *Writer) Append(r *Record) {
	if len(w.buf) >= bufferBytesFlush && !w.handOver() || w.down {
		w.log.dropped.Add(1)
		return
	}
	if w.lines == 0 {
		w.full.Store(true)
		if w.buf == nil {
			w.buf = w.log.takeBuffer()
		}
	}
	switch w.log.options.Format {
	case Combined:
		w.buf = appendCombined(w.buf, r, &w.stamp)
	case JSON:
		w.buf = appendJSON(w.buf, r, &w.stamp)
	}
	w.lines++
}

// Flush hands over what has been gathered. A Writer with a post function is
// flushed each second by its Log; others must call this from a timer.
func (w *Writer) Flush() {
	if w.lines > 0 {
		w.handOver()
	}
}

// Close flushes for the last time; later lines are dropped. Call it on the
// loop, or after the loop has ended, and before the Log's Close.
func (w *Writer) Close() {
	w.Flush()
	if w.lines > 0 {
		w.log.dropped.Add(uint64(w.lines))
		w.lines, w.buf = 0, nil
	}
	w.down = true
	w.log.forget(w)
}

// handOver reports whether the queue had room. If not, the buffer stays.
func (w *Writer) handOver() bool {
	select {
	case w.log.queue <- chunk{buf: w.buf, lines: w.lines}:
	default:
		return false
	}
	w.buf, w.lines = nil, 0
	w.full.Store(false)
	return true
}
