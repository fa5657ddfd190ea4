package php

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// proc is one php-cgi process that is started again whenever it ends.
type proc struct {
	// Immutable.
	index    int
	opts     *Options
	folder   *folder
	endpoint endpoint
	children int // PHP_FCGI_CHILDREN; 0: the process serves by itself
	log      *zap.Logger
	first    chan error // told once how the first start went

	mu      sync.Mutex
	state   State       // guarded by mu
	process *os.Process // guarded by mu; nil if there is none
	out     *output     // guarded by mu; of the current or last process
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
	defer p.become(Stopped, time.Time{}, nil)
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
			p.log.Info("php-cgi exited, starting another")
		} else if !p.pause(end, pauses.next(time.Since(began)), err) {
			return
		}
		p.mu.Lock()
		p.state.Restarts++
		p.mu.Unlock()
	}
}

// pause waits before the next start, and reports false if end began meanwhile.
func (p *proc) pause(end *ending, d time.Duration, err error) bool {
	p.log.Error("php-cgi ended", zap.Error(err), zap.Duration("restart", d))
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
	l, cmd, err := p.spawn()
	if err != nil {
		return false, err
	}
	p.become(Starting, time.Time{}, nil)
	exited := make(chan struct{})
	go func() {
		l.awaitExit()
		close(exited)
	}()
	ctx, cancel := context.WithCancel(context.Background())
	serves, asked := p.ask(ctx)
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
			p.become(Running, time.Time{}, nil)
			p.tell(nil)
		case <-settled:
			settled = nil
			cancel() // nobody needs the answer
			serves, answered = nil, true
			p.become(Running, time.Time{}, nil)
		case <-exited:
			living = false
		case <-end.begun:
			p.terminate(l, end.grace)
			living = false
		}
	}
	cancel()
	<-asked
	<-exited
	last := p.bury(l, cmd)
	if answered && cmd.ProcessState.Success() {
		return true, nil
	}
	return answered, exitError(cmd.ProcessState.String(), last)
}

// ask puts a question to the workers: serves is closed by their answer, asked when
// nobody waits for one any more.
func (p *proc) ask(ctx context.Context) (serves, asked <-chan struct{}) {
	answer, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		if awaitAnswer(ctx, p.endpoint.network, p.endpoint.address) == nil {
			close(answer)
		}
	}()
	return answer, over
}

// spawn starts a process on the calling thread.
func (p *proc) spawn() (*leash, *exec.Cmd, error) {
	if err := p.folder.write(p.opts.settings()); err != nil {
		return nil, nil, err
	}
	out, w, err := newOutput(p.log)
	if err != nil {
		return nil, nil, fmt.Errorf("php: %w", err)
	}
	cmd := exec.Command(p.opts.Binary.Path)
	cmd.Dir = p.folder.path
	cmd.Env = environment(os.Environ(), p.opts, p.children, p.folder.ini())
	cmd.Stdout, cmd.Stderr = w, w
	if p.endpoint.file != nil {
		cmd.Stdin = p.endpoint.file
	} else {
		cmd.Args = append(cmd.Args, "-b", p.endpoint.address)
		cmd.Env = append(cmd.Env, "FCGI_WEB_SERVER_ADDRS=127.0.0.1")
	}
	l := &leash{}
	err = l.prepare(cmd)
	if err == nil {
		if err = cmd.Start(); err != nil {
			l.discard()
		}
	}
	_ = w.Close() // the process has its own
	if err != nil {
		out.finish()
		return nil, nil, fmt.Errorf("php: cannot start %q: %w", p.opts.Binary.Path, err)
	}
	p.mu.Lock()
	p.process, p.out = cmd.Process, out
	p.mu.Unlock()
	if err := l.attach(cmd); err != nil {
		// It still ends with sluice in all but rare cases; a site up is worth more.
		p.log.Warn("php-cgi may outlive a killed sluice", zap.Error(err))
	}
	return l, cmd, nil
}

// terminate asks the processes to end and kills those that are left after grace.
func (p *proc) terminate(l *leash, grace time.Duration) {
	deadline := time.Now().Add(grace)
	if grace > 0 {
		l.terminate()
	}
	for !l.empty() && time.Now().Before(deadline) {
		time.Sleep(gonePoll)
	}
	l.kill()
}

// bury ends what an exited process left, and returns the last lines it wrote.
func (p *proc) bury(l *leash, cmd *exec.Cmd) string {
	l.kill()
	for deadline := time.Now().Add(goneLimit); !l.empty(); time.Sleep(gonePoll) {
		if time.Now().After(deadline) {
			p.log.Warn("php-cgi processes do not end", zap.Int("pid", cmd.Process.Pid))
			break
		}
	}
	p.mu.Lock()
	p.process = nil
	out := p.out
	p.mu.Unlock()
	last := out.finish()
	l.release()
	return last
}

func exitError(status, last string) error {
	if last == "" {
		return fmt.Errorf("php: php-cgi ended: %s", status)
	}
	return fmt.Errorf("php: php-cgi ended: %s: %s", status, last)
}

// become enters a phase and tells whoever watches. An error is kept until the
// next one.
func (p *proc) become(phase Phase, until time.Time, err error) {
	p.mu.Lock()
	s := &p.state
	s.Phase, s.Until, s.Since, s.PID = phase, until, time.Now(), 0
	if p.process != nil {
		s.PID = p.process.Pid
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
	if p.process == nil {
		return 0
	}
	return p.process.Pid
}

// signal signals the process itself if its number is still pid.
func (p *proc) signal(pid int, sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil || p.process.Pid != pid {
		return ErrWorkerGone
	}
	if err := p.process.Signal(sig); errors.Is(err, os.ErrProcessDone) {
		return ErrWorkerGone
	} else if err != nil {
		return fmt.Errorf("php: signal %d to worker %d: %w", sig, pid, err)
	}
	return nil
}
