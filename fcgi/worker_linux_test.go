package fcgi

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sluice/loop"
)

func init() {
	hungUp = func(c net.Conn) bool {
		gone := false
		rc, err := c.(syscall.Conn).SyscallConn()
		if err != nil {
			return true // closed by ourselves
		}
		err = rc.Control(func(fd uintptr) {
			p := []unix.PollFd{{Fd: int32(fd)}}
			n, err := unix.Poll(p, 0)
			gone = err == nil && n == 1 && p[0].Revents&unix.POLLHUP != 0
		})
		return gone || err != nil
	}
}

// peerOf tells which process is at the other end: proof that a descriptor is
// the connection's.
func peerOf(fd uintptr) (pid int, err error) {
	cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}

func TestRetire(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		leave := make(chan struct{}, 10)
		b := newBackend(t, "unix", func(p *peer) {
			go func() {
				<-leave
				_ = p.Close()
			}()
			echo(p)
		})
		fds := make(chan error, 10)
		p := NewPool(Options{Servers: []Server{b.server(1)}, RequestsMax: 3, Retire: func(s Server, fd uintptr) error {
			pid, err := peerOf(fd)
			if err == nil && (pid != os.Getpid() || s != b.server(1)) {
				err = fmt.Errorf("descriptor of process %d, server %v", pid, s)
			}
			fds <- err
			leave <- struct{}{}
			return nil
		}})
		s := start(t, e, p, 1)
		for i := range 9 {
			if r := s[0].call(fmt.Sprint(i)).ask().good(); r.reused != (i%3 != 0) {
				t.Fatalf("request %d: reused %v", i, r.reused)
			}
		}
		for range 3 {
			if err := <-fds; err != nil {
				t.Error(err)
			}
		}
		if n := b.accepted.Load(); n != 3 {
			t.Errorf("%d connections, want 3", n)
		}
		eventually(t, "the last one is closed", func() bool { return p.InUse() == 0 })
	})
}

func TestRetireFails(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		b := newBackend(t, "unix", echo)
		p := NewPool(Options{Servers: []Server{b.server(1)}, RequestsMax: 1, Retire: func(Server, uintptr) error { return errors.New("no such worker") }})
		s := start(t, e, p, 1)
		for i := range 3 {
			s[0].call(fmt.Sprint(i)).ask().good()
		}
		settled(t, p, s)
	})
}

// killable is a backend whose requests end only by Kill: politely when polite,
// else when forced.
func killable(t *testing.T, polite bool) (b *backend, kill func(Server, uintptr) (func(), error), forced chan error, came chan struct{}) {
	forced, came = make(chan error, 10), make(chan struct{}, 10)
	told, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	stop := make(chan struct{})
	b = newBackend(t, "unix", func(p *peer) {
		for {
			q, err := p.next()
			if err != nil {
				return
			}
			if q.params["TOKEN"] != "stuck" {
				p.send(reply(q.id, q.params["TOKEN"]))
				continue
			}
			came <- struct{}{}
			select {
			case <-told: // as after SIGALRM: the script's shutdown, then END_REQUEST
				p.send(reply(q.id, "Fatal error: time"))
			case <-ended:
				return
			case <-stop:
				return
			}
		}
	})
	t.Cleanup(func() { close(stop) }) // before backend.stop
	kill = func(_ Server, fd uintptr) (func(), error) {
		if pid, err := peerOf(fd); err != nil || pid != os.Getpid() {
			forced <- fmt.Errorf("descriptor of process %d, error %w", pid, err)
		}
		if polite {
			told <- struct{}{}
		}
		return func() {
			forced <- nil
			ended <- struct{}{}
		}, nil
	}
	return b, kill, forced, came
}

func TestKill(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for _, abandoned := range []bool{false, true} {
			t.Run(fmt.Sprint("abandoned ", abandoned), func(t *testing.T) {
				b, kill, forced, came := killable(t, true)
				p := NewPool(Options{Servers: []Server{b.server(1)}, Kill: kill})
				s := start(t, e, p, 1)
				k := s[0].call("stuck").ask()
				<-came
				next := s[0].call("next").ask()
				s[0].on(func() {
					if abandoned {
						k.conn.Abandon(10 * time.Millisecond) // Kill follows by itself
					} else {
						k.conn.Kill()
						k.conn.Kill()
					}
				})
				next.good()
				if len(k.res) > 0 {
					t.Error("the killed request heard something")
				}
				select {
				case err := <-forced:
					t.Errorf("force was called: %v", err)
				default:
				}
				settled(t, p, s)
			})
		}
	})
}

func TestKillByForce(t *testing.T) {
	t.Parallel() // it waits for killTime
	b, kill, forced, came := killable(t, false)
	p := NewPool(Options{Servers: []Server{b.server(1)}, Kill: kill})
	s := start(t, loop.Auto, p, 1)
	k := s[0].call("stuck").ask()
	<-came
	s[0].on(func() { k.conn.Kill() })
	next := s[0].call("next").ask()
	select {
	case err := <-forced:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * killTime):
		t.Fatal("force was not called")
	}
	next.good()
	settled(t, p, s)
}

func TestKillWithoutHookOrWorker(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		for name, hook := range map[string]func(Server, uintptr) (func(), error){
			"no hook":   nil,
			"no worker": func(Server, uintptr) (func(), error) { return nil, errors.New("no such worker") },
		} {
			t.Run(name, func(t *testing.T) {
				b, _, _, came := killable(t, false)
				p := NewPool(Options{Servers: []Server{b.server(1)}, Kill: hook})
				s := start(t, e, p, 1)
				k := s[0].call("stuck").ask()
				<-came
				s[0].on(func() { k.conn.Kill() })
				s[0].call("next").ask().good()
				b.bounded(t, e, 1) // no descriptor of the first is left
				settled(t, p, s)
			})
		}
	})
}

// An abandoned request whose worker is at work must cost nothing while it is
// waited for, also after Kill: the socket, which reads no more, is always ready.
func TestKillAfterAbandonDoesNotSpin(t *testing.T) {
	t.Parallel()
	b, kill, _, came := killable(t, false)
	p := NewPool(Options{Servers: []Server{b.server(1)}, Kill: kill})
	s := start(t, loop.Auto, p, 1)
	k := s[0].call("stuck").ask()
	<-came
	s[0].on(func() { k.conn.Abandon(time.Hour) })
	s[0].on(func() { k.conn.Kill() })
	const thread = 1 // RUSAGE_THREAD
	var before, after syscall.Rusage
	s[0].on(func() { _ = syscall.Getrusage(thread, &before) })
	time.Sleep(300 * time.Millisecond)
	s[0].on(func() { _ = syscall.Getrusage(thread, &after) })
	used := time.Duration(after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano())
	if used > 100*time.Millisecond {
		t.Errorf("the loop used %v of processor time in 300ms of waiting", used)
	}
	eventually(t, "the worker is ended by force", func() bool { return p.InUse() == 0 })
}
