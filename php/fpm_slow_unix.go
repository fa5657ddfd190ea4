//go:build unix

package php

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// slowLog reads the traces of all php-fpm of one group through a named pipe, on a
// goroutine of its own. Nothing is kept on disk.
type slowLog struct {
	pipe *os.File
	done chan struct{}
}

// openSlowLog makes the pipe at path. It is open for reading and writing, so that
// php-fpm never waits in open(2) and the end of one is no end of file.
func openSlowLog(path string, emit func(SlowRequest)) (*slowLog, error) {
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return nil, fmt.Errorf("php: slow log %q: %w", path, err)
	}
	pipe, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("php: slow log: %w", err)
	}
	s := &slowLog{pipe: pipe, done: make(chan struct{})}
	go s.read(emit)
	return s, nil
}

func (s *slowLog) read(emit func(SlowRequest)) {
	defer close(s.done)
	var p slowParser
	buf := make([]byte, outputReadBytes)
	for {
		n, err := s.pipe.Read(buf)
		p.feed(buf[:n], emit)
		limit := time.Now().Add(slowQuiet)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.flush(emit)
			limit = time.Time{} // silence may last
		} else if err != nil {
			p.flush(emit)
			return
		}
		if err := s.pipe.SetReadDeadline(limit); err != nil {
			return
		}
	}
}

// close ends the reader; nil is nothing.
func (s *slowLog) close() error {
	if s == nil {
		return nil
	}
	err := s.pipe.Close()
	<-s.done
	return err
}
