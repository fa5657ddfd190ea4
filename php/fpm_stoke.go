//go:build unix

package php

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// stoker has a php-fpm with pm = ondemand start the workers that are needed. Its
// master starts one worker whenever it hears of new connections and sees no idle
// worker: of connections that come together it hears once, and those that then
// wait in the backlog would wait until a worker is free, for ever if all workers
// have kept connections. While any wait, the stoker connects and hangs up.
//
// It runs on a goroutine of its own, and ends with the php-fpm.
type stoker struct {
	listening int // a descriptor of the listening socket, for poll(2) alone
	over      *os.File
	address   string
	workers   int
}

// stoke watches the socket of a php-fpm that was just started.
func (p *proc) stoke(r *life) error {
	if p.mode != ModeFPM || p.opts.FPM.IdleTime == 0 {
		return nil
	}
	fd, err := unix.FcntlInt(r.endpoint.file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("php: watching %q: %w", r.endpoint.address, err)
	}
	over, end, err := os.Pipe()
	if err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("php: watching %q: %w", r.endpoint.address, err)
	}
	s := &stoker{listening: fd, over: over, address: r.endpoint.address, workers: p.opts.Workers}
	go func() {
		<-r.exited
		_ = end.Close()
	}()
	go s.run()
	return nil
}

func (s *stoker) run() {
	defer func() {
		_ = unix.Close(s.listening)
		_ = s.over.Close()
	}()
	for s.waiting(-1) {
		time.Sleep(stokePause) // it hears of the first one by itself
		for n := 1; s.waiting(0); n++ {
			s.poke()
			if n < pokesPerWorker*s.workers {
				time.Sleep(stokePause)
			} else {
				time.Sleep(stokePauseMax) // there are no more to start
			}
		}
	}
}

// waiting tells whether connections wait in the backlog, at the latest after some
// milliseconds (-1: when there is one). It is false when php-fpm has ended.
func (s *stoker) waiting(ms int) bool {
	fds := []unix.PollFd{{Fd: int32(s.listening), Events: unix.POLLIN}, {Fd: int32(s.over.Fd()), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, ms)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return err == nil && n > 0 && fds[1].Revents == 0
	}
}

// poke makes php-fpm look. The worker that gets the connection finds it closed.
func (s *stoker) poke() {
	if c, err := net.DialTimeout("unix", s.address, stokePauseMax); err == nil {
		_ = c.Close()
	}
}
