package php

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// output reads what one php and its children print, on a goroutine of its
// own, so that they never block on a full pipe.
type output struct {
	r    *os.File
	log  *zap.Logger
	take func(line []byte) (text []byte, level zapcore.Level)
	done chan struct{}

	mu   sync.Mutex
	tail tail // guarded by mu

	// Owned by the goroutine.
	lines   splitter
	limiter limiter
}

// newOutput starts the reader; the process gets the returned file, which the
// caller closes after the start. take chooses what is logged of a line, and how.
func newOutput(log *zap.Logger, take func([]byte) ([]byte, zapcore.Level)) (*output, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	o := &output{r: r, log: log, take: take, done: make(chan struct{})}
	go o.read()
	return o, w, nil
}

func (o *output) read() {
	defer close(o.done)
	buf := make([]byte, outputReadBytes)
	for {
		n, err := o.r.Read(buf)
		o.lines.feed(buf[:n], o.emit)
		if err != nil {
			break // end of file, or the deadline of finish
		}
	}
	o.lines.flush(o.emit)
	if o.limiter.dropped > 0 {
		o.log.Warn("php output dropped", zap.Int("lines", o.limiter.dropped))
	}
}

func (o *output) emit(line []byte, cut bool) {
	o.mu.Lock()
	o.tail.add(line)
	o.mu.Unlock()
	ok, dropped := o.limiter.allow(time.Now())
	if dropped > 0 {
		o.log.Warn("php output dropped", zap.Int("lines", dropped))
	}
	if !ok {
		return
	}
	text, level := o.take(line)
	if entry := o.log.Check(level, "php output"); entry != nil {
		entry.Write(zap.ByteString("line", bytes.ToValidUTF8(text, []byte("\uFFFD"))), zap.Bool("cut", cut))
	}
}

func lineLevel(line []byte) zapcore.Level {
	for _, mark := range []string{"Fatal error", "Parse error", "Uncaught "} {
		if bytes.Contains(line, []byte(mark)) {
			return zapcore.ErrorLevel
		}
	}
	return zapcore.WarnLevel
}

// finish reads what is left, for drainLimit at most, closes the pipe and returns
// the last lines.
func (o *output) finish() string {
	if err := o.r.SetReadDeadline(time.Now().Add(drainLimit)); err != nil {
		_ = o.r.Close() // no deadlines on this system's pipes: closing ends the read
	}
	<-o.done
	_ = o.r.Close()
	return o.last()
}

func (o *output) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.tail.lines, "\n")
}
