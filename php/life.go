package php

import (
	"fmt"
	"os"
	"os/exec"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// life is one process from its start to its burial, and all that it forks.
type life struct {
	// Immutable.
	leash    *leash
	cmd      *exec.Cmd
	out      *output
	endpoint endpoint      // where it serves
	status   string        // socket for php-fpm's status, "" if it has none
	exited   chan struct{} // closed when the leader has exited
}

func (r *life) pid() int { return r.cmd.Process.Pid }

// begin starts a process that serves at e, on the calling thread.
func (p *proc) begin(e endpoint) (*life, error) {
	if err := p.folder.write(p.opts.settings()); err != nil {
		return nil, err
	}
	r := &life{leash: &leash{}, endpoint: e, exited: make(chan struct{})}
	take := cgiLine
	if p.mode == ModeFPM {
		take = fpmLine
		if err := p.configureFPM(r); err != nil {
			return nil, err
		}
	}
	if err := p.spawn(r, take); err != nil {
		return nil, err
	}
	go func() {
		r.leash.awaitExit()
		close(r.exited)
	}()
	if err := p.stoke(r); err != nil {
		p.log.Warn("php-fpm may start its workers late", zap.Error(err))
	}
	return r, nil
}

func (p *proc) spawn(r *life, take func([]byte) ([]byte, zapcore.Level)) error {
	out, w, err := newOutput(p.log, take)
	if err != nil {
		return fmt.Errorf("php: %w", err)
	}
	cmd := exec.Command(p.opts.Binary.Path)
	r.cmd, r.out = cmd, out
	cmd.Dir = p.folder.path
	cmd.Env = environment(os.Environ(), p.opts, p.children(), p.folder.ini())
	cmd.Stdout, cmd.Stderr = w, w
	if as := p.opts.Account; as != nil {
		_ = w.Chown(int(as.UID), int(as.GID)) // for who opens /dev/stderr
	}
	err = r.leash.prepare(cmd, p.starter())
	if err == nil {
		p.arguments(r)
		if err = cmd.Start(); err != nil {
			r.leash.discard()
		}
	}
	_ = w.Close() // the process has its own
	if err != nil {
		out.finish()
		return fmt.Errorf("php: cannot start %q: %w", p.opts.Binary.Path, err)
	}
	if err := workInBatch(cmd.Process.Pid); err != nil {
		p.log.Debug("php workers keep the ordinary scheduling policy", zap.Error(err))
	}
	if err := r.leash.attach(cmd); err != nil {
		// It still ends with sluice in all but rare cases; a site up is worth more.
		p.log.Warn("php may outlive a killed sluice", zap.Error(err))
	}
	return nil
}

// starter is who the process is from its start: php-fpm needs to be root, and
// makes its workers the account's.
func (p *proc) starter() *Account {
	if p.mode == ModeFPM {
		return nil
	}
	return p.opts.Account
}

// arguments gives the process its arguments and its socket.
func (p *proc) arguments(r *life) {
	switch {
	case p.mode == ModeFPM:
		p.fpmArguments(r)
	case r.endpoint.file != nil:
		r.cmd.Stdin = r.endpoint.file
	default:
		r.cmd.Args = append(r.cmd.Args, "-b", r.endpoint.address)
		r.cmd.Env = append(r.cmd.Env, "FCGI_WEB_SERVER_ADDRS=127.0.0.1")
	}
}

// terminate asks the processes to end and kills those that are left after grace,
// or after end's grace once that has begun.
func (p *proc) terminate(r *life, grace time.Duration, end *ending) {
	deadline := time.Now().Add(grace)
	if grace > 0 && p.mode == ModeFPM {
		r.leash.quit()
	} else if grace > 0 {
		r.leash.terminate()
	}
	hurry := end.begun
	for poll := gonePoll; !p.ended(r) && time.Now().Before(deadline); poll = min(2*poll, gonePollMax) {
		timer := time.NewTimer(min(poll, time.Until(deadline)))
		select {
		case <-timer.C:
		case <-hurry:
			hurry = nil
			if sooner := time.Now().Add(end.grace); sooner.Before(deadline) {
				deadline = sooner
			}
		}
		timer.Stop()
	}
	r.leash.kill()
}

// ended reports whether nothing is left to wait for. php-fpm waits for its
// workers, php-cgi does not.
func (p *proc) ended(r *life) bool {
	if p.mode != ModeFPM {
		return r.leash.empty()
	}
	select {
	case <-r.exited:
		return true
	default:
		return false
	}
}

// bury ends what an exited process left, and returns the last lines it wrote.
func (p *proc) bury(r *life) string {
	r.leash.kill()
	for deadline := time.Now().Add(goneLimit); !r.leash.empty(); time.Sleep(gonePoll) {
		if time.Now().After(deadline) {
			p.log.Warn("php processes do not end", zap.Int("pid", r.pid()))
			break
		}
	}
	last := r.out.finish()
	r.leash.release()
	return last
}

func (p *proc) exitError(r *life, last string) error {
	status := r.cmd.ProcessState.String()
	if last == "" {
		return fmt.Errorf("php: %s ended: %s", p.mode.program(), status)
	}
	return fmt.Errorf("php: %s ended: %s: %s", p.mode.program(), status, last)
}
