package php

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// proc is one php-cgi or php-fpm that is started again whenever it ends.
type proc struct {
	// Immutable.
	index   int
	opts    *Options
	mode    Mode
	folder  *folder
	log     *zap.Logger
	token   string        // see fpmConf
	first   chan error    // told once how the first start went
	reloads chan reload   // taken by the supervisor
	over    chan struct{} // closed when the supervisor ends

	// Owned by the supervisor.
	generation int // of sockets, see folder
	statuses   int // the same of php-fpm's status sockets
	drains     sync.WaitGroup

	mu       sync.Mutex
	state    State    // guarded by mu
	endpoint endpoint // guarded by mu; changed by the supervisor alone
	current  *life    // guarded by mu; nil if there is none
	draining []*life  // guarded by mu; replaced by a reload and not gone yet
	out      *output  // guarded by mu; of the current or last process
}

// children is PHP_FCGI_CHILDREN; 0: the process serves by itself, or is no
// php-cgi.
func (p *proc) children() int {
	if p.mode == ModeShared {
		return p.opts.Workers
	}
	return 0
}

// workers is how many connections are served at a time.
func (p *proc) workers() int {
	if p.mode.shared() {
		return p.opts.Workers
	}
	return 1
}

// ending is how a group stops; it is set before its channel is closed.
type ending struct {
	begun chan struct{}
	grace time.Duration
}

func (e *ending) has() bool {
	select {
	case <-e.begun:
		return true
	default:
		return false
	}
}

// supervise runs until end begins. It is tied to its thread: when the thread that
// forked a process ends, the kernel sends the process its parent-death signal.
func (p *proc) supervise(end *ending) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.over)
	defer p.become(Stopped, time.Time{}, nil)
	defer p.drains.Wait()
	var pauses backoff
	started := false
	for {
		began := time.Now()
		answered, err := p.live(end, started)
		if end.has() {
			return
		}
		if !started && !answered {
			p.tell(err)
			if !p.opts.KeepTrying {
				return
			}
		}
		started = true
		if err == nil {
			pauses = backoff{} // it was retired
			p.log.Info("php exited, starting another", zap.String("program", p.mode.program()))
		} else if !p.pause(end, pauses.next(time.Since(began)), err) {
			return
		}
		p.mu.Lock()
		p.state.Restarts++
		p.mu.Unlock()
	}
}

// pause waits before the next start, and reports false if end began meanwhile. A
// reload cuts it short.
func (p *proc) pause(end *ending, d time.Duration, err error) bool {
	p.log.Error("php ended", zap.String("program", p.mode.program()), zap.Error(err), zap.Duration("restart", d))
	if d == 0 {
		p.mu.Lock()
		p.state.Err = err
		p.mu.Unlock()
		return true
	}
	p.become(BackingOff, time.Now().Add(d), err)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case wish := <-p.reloads:
		wish.done <- fmt.Errorf("%s did not run and is being started: %w", p.mode.program(), err)
		return true
	case <-end.begun:
		return false
	}
}

// live starts a process and returns when it and all it forked are gone. answered
// says whether it ever served; err is nil if it did and exited with status 0.
//
// A first process has served when it answers our question. A later one may have
// all its workers taken by connections from the backlog, with our question behind
// them: it also counts as serving when it has lived for settleTime.
func (p *proc) live(end *ending, again bool) (answered bool, err error) {
	r, err := p.begin(p.endpoint)
	if err != nil {
		return false, err
	}
	p.mu.Lock()
	p.current, p.out = r, r.out
	p.mu.Unlock()
	p.become(Starting, time.Time{}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	serves, asked := ask(ctx, r.endpoint)
	var settled <-chan time.Time
	if again {
		timer := time.NewTimer(settleTime)
		defer timer.Stop()
		settled = timer.C
	}

	for living := true; living; {
		select {
		case <-serves:
			serves, settled, answered = nil, nil, true
			p.hide(r)
			p.become(Running, time.Time{}, nil)
			p.tell(nil)
		case <-settled:
			cancel() // nobody needs the answer
			serves, settled, answered = nil, nil, true
			p.hide(r)
			p.become(Running, time.Time{}, nil)
		case wish := <-p.reloads:
			next, err := p.succeed(wish, r, end)
			if err == nil {
				cancel()
				p.replace(r, next, wish.swapped, end)
				r, serves, settled, answered = next, nil, nil, true
				p.tell(nil)
			}
			wish.done <- err
		case <-r.exited:
			living = false
		case <-end.begun:
			p.terminate(r, end.grace, end)
			living = false
		}
	}
	cancel()
	<-asked
	<-r.exited
	p.mu.Lock()
	p.current = nil
	p.mu.Unlock()
	last := p.bury(r)
	if answered && r.cmd.ProcessState.Success() {
		return true, nil
	}
	return answered, p.exitError(r, last)
}

// hide keeps our switches out of the scripts' environment.
func (p *proc) hide(r *life) {
	if p.mode == ModeFPM {
		return
	}
	if err := hideEnviron(r.pid(), p.opts.Env); err != nil {
		p.log.Debug("scripts see how php was started", zap.Error(err))
	}
}

// ask puts a question to the workers: serves is closed by their answer, asked when
// nobody waits for one any more.
func ask(ctx context.Context, e endpoint) (serves, asked <-chan struct{}) {
	answer, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		if awaitAnswer(ctx, e.network, e.address) == nil {
			close(answer)
		}
	}()
	return answer, over
}

// become enters a phase and tells whoever watches. An error is kept until the
// next one.
func (p *proc) become(phase Phase, until time.Time, err error) {
	p.mu.Lock()
	s := &p.state
	s.Phase, s.Until, s.Since, s.PID = phase, until, time.Now(), 0
	if p.current != nil {
		s.PID = p.current.pid()
	}
	if err != nil {
		s.Err = err
	}
	event := Event{Server: p.index, State: *s}
	p.mu.Unlock()
	if p.opts.OnChange != nil {
		p.opts.OnChange(event)
	}
}

// tell answers Start; only the first call counts.
func (p *proc) tell(err error) {
	select {
	case p.first <- err:
	default:
	}
}

func (p *proc) snapshot() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

func (p *proc) lastOutput() string {
	p.mu.Lock()
	out := p.out
	p.mu.Unlock()
	if out == nil {
		return ""
	}
	return out.last()
}

// pid returns the number of the running process, 0 if there is none.
func (p *proc) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		return 0
	}
	return p.current.pid()
}

// leaders are the numbers of the running process and of those that a reload has
// replaced: all whose children may serve a connection.
func (p *proc) leaders() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []int
	if p.current != nil {
		list = append(list, p.current.pid())
	}
	for _, r := range p.draining {
		list = append(list, r.pid())
	}
	return list
}

// place is where the process serves now, and php-fpm's socket for its status.
func (p *proc) place() (e endpoint, status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		status = p.current.status
	}
	return p.endpoint, status
}

// signal signals the process itself if its number is still pid.
func (p *proc) signal(pid int, sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil || p.current.pid() != pid {
		return ErrWorkerGone
	}
	if err := p.current.cmd.Process.Signal(sig); errors.Is(err, os.ErrProcessDone) {
		return ErrWorkerGone
	} else if err != nil {
		return fmt.Errorf("php: signal %d to worker %d: %w", sig, pid, err)
	}
	return nil
}
