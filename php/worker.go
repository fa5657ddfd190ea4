package php

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Worker is one php process that serves requests.
type Worker struct {
	Server  int // index in Group.Servers
	PID     int
	Started uint64 // tells it from a later process with the same number; 0 if unknown
}

// Memory is what a worker occupies, in bytes.
type Memory struct {
	Worker
	RSSBytes    int64 // all of it
	SharedBytes int64 // the part shared with others: opcache, the binary
}

var (
	// ErrWorkerGone: the worker has ended, or its number now belongs to another.
	ErrWorkerGone = errors.New("php: worker is gone")
	// ErrNotAccepted: no worker has taken the connection yet.
	ErrNotAccepted = errors.New("php: connection waits for a worker")
	// ErrUnsupported: the system cannot tell.
	ErrUnsupported = errors.New("php: not supported on this system")
)

// WorkerOf finds the worker that serves a connection of ours, given by its
// descriptor, which must stay open during the call. With a socket shared by many
// workers this takes sock_diag and /proc, Linux only; where each worker has its
// address, the address tells.
func (g *Group) WorkerOf(connFd uintptr) (Worker, error) {
	procs := g.running()
	if len(procs) == 0 {
		return Worker{}, ErrStopped
	}
	if g.mode.shared() {
		return sharedWorker(procs[0].leaders(), connFd)
	}
	address, err := peerAddress(connFd)
	if err != nil {
		return Worker{}, fmt.Errorf("php: peer of descriptor %d: %w", connFd, err)
	}
	for i, p := range procs {
		if e, _ := p.place(); e.address == address {
			if pid := p.pid(); pid != 0 {
				return Worker{Server: i, PID: pid}, nil
			}
			return Worker{}, ErrWorkerGone
		}
	}
	return Worker{}, fmt.Errorf("php: descriptor %d is connected to %q, which is none of our workers", connFd, address)
}

// Kill signals a worker, if it still is one of this group; ErrWorkerGone if not.
// The group replaces a worker that ends.
func (g *Group) Kill(w Worker, sig syscall.Signal) error {
	procs := g.running()
	if w.Server < 0 || w.Server >= len(procs) {
		return ErrWorkerGone
	}
	p := procs[w.Server]
	if g.mode.shared() {
		return signalChild(p.leaders(), w, sig)
	}
	return p.signal(w.PID, sig)
}

// Interrupt ends the running script of a worker as max_execution_time does: PHP
// writes a fatal error, runs shutdown functions, answers, and the worker lives.
// Only for a worker that is in a request: before its first one the signal would
// end it. A script may not react while it is in a library's call; Kill it with
// SIGKILL a little later. ErrUnsupported on Windows.
func (g *Group) Interrupt(w Worker) error {
	if interruptSignal == 0 {
		return ErrUnsupported
	}
	return g.Kill(w, interruptSignal)
}

// Retire ends the worker behind an idle kept connection, so that no request is
// lost, and returns when it is gone; the group replaces it. The caller sends
// nothing on the connection any more and keeps it open until it reads its end,
// which Retire causes.
func (g *Group) Retire(connFd uintptr) error {
	w, err := g.WorkerOf(connFd)
	if err != nil {
		return err
	}
	sig := retireSignal
	if g.mode == ModeFPM {
		sig = syscall.SIGQUIT // SIGTERM would do, too, and look like a crash in the log
	}
	if err := g.Kill(w, sig); err != nil {
		return ignoreGone(err)
	}
	// php looks at its flag when the connection ends, not before.
	if err := shutdownWrite(connFd); err != nil && !g.alive(w) {
		return nil
	}
	for deadline := time.Now().Add(retireLimit); g.alive(w); time.Sleep(gonePoll) {
		if time.Now().After(deadline) {
			return ignoreGone(g.Kill(w, syscall.SIGKILL))
		}
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, ErrWorkerGone) {
		return nil
	}
	return err
}

// alive reports whether a worker still runs.
func (g *Group) alive(w Worker) bool {
	p := g.running()[w.Server]
	if g.mode.shared() {
		return isChild(p.leaders(), w)
	}
	return p.pid() == w.PID
}

// serving returns the processes that serve requests.
func (p *proc) serving(index int) []Worker {
	if !p.mode.shared() {
		if pid := p.pid(); pid != 0 {
			return []Worker{{Server: index, PID: pid}}
		}
		return nil
	}
	var list []Worker
	for _, leader := range p.leaders() {
		for _, w := range children(leader) {
			if p.mode != ModeFPM || !isStatusWorker(w.PID) {
				list = append(list, w)
			}
		}
	}
	return list
}

// Workers returns the workers that run now and their memory. Memory is 0 where
// the system does not tell (other than Linux).
func (g *Group) Workers() []Memory {
	var list []Memory
	for i, p := range g.running() {
		for _, w := range p.serving(i) {
			m := Memory{Worker: w}
			var err error
			if m.RSSBytes, m.SharedBytes, err = memoryOf(w.PID); err != nil {
				continue // it ended just now
			}
			list = append(list, m)
		}
	}
	return list
}
