package cgid

import (
	"errors"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// starter starts programs from one thread that lives as long as the server: the
// kernel ends them by Pdeathsig when the thread that forked them ends, so that a
// killed sluice leaves none behind. (What they have started themselves it can't
// see; that ends when it writes.)
type starter struct {
	jobs chan job
}

type job struct {
	cmd  command
	done chan<- started
}

type started struct {
	proc *process
	err  error
}

func (s *starter) open() {
	s.jobs = make(chan job)
	go func() {
		runtime.LockOSThread() // and never unlock: nothing else is to run here
		for j := range s.jobs {
			proc, err := j.cmd.start(&syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL})
			j.done <- started{proc, err}
		}
	}()
}

func (s *starter) close() { close(s.jobs) }

func (s *starter) start(c command) (*process, error) {
	done := make(chan started)
	s.jobs <- job{c, done}
	got := <-done
	return got.proc, got.err
}

// awaitExit returns when the leader has exited, and leaves it unreaped: until
// then its number stands for its group and no other.
func (p *process) awaitExit() {
	for {
		err := unix.Waitid(unix.P_PID, p.p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func (p *process) release() { p.reap() }
