package cgid

import (
	"os"
	"sync/atomic"
	"syscall"
)

// command is a program to start; its environment is all that it gets.
type command struct {
	path, dir string
	args, env []string
	files     []*os.File // its descriptors 0, 1 and 2
	as        *Account   // nil: ourselves
}

// Account is a user that programs run as, by number, with his supplementary
// groups.
type Account struct {
	UID, GID uint32
	Groups   []uint32
}

func (c command) start(attr *syscall.SysProcAttr) (*process, error) {
	if c.as != nil {
		c.as.credential(attr)
		for _, f := range c.files { // for who opens /dev/stderr and the like
			_ = f.Chown(int(c.as.UID), int(c.as.GID))
		}
	}
	p, err := os.StartProcess(c.path, c.args, &os.ProcAttr{Dir: c.dir, Env: c.env, Files: c.files, Sys: attr})
	if err != nil {
		return nil, err
	}
	proc := &process{p: p}
	if err := proc.group.attach(p); err != nil {
		_ = p.Kill()
		_, _ = p.Wait()
		return nil, err
	}
	return proc, nil
}

// process is a program that was started, as the leader of a group. It is to be
// waited for by awaitExit, then given back by release.
type process struct {
	p     *os.Process
	group group
	state atomic.Pointer[os.ProcessState] // once reaped
}

func (p *process) reap() {
	if state, err := p.p.Wait(); err == nil {
		p.state.Store(state)
	}
}

// status is how the program ended, 0 while it has not been reaped.
func (p *process) status() uint32 {
	if state := p.state.Load(); state != nil {
		return exitStatus(state)
	}
	return 0
}
