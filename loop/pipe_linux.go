package loop

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

func newPipe(l *Loop) *Pipe {
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	p := &Pipe{l: l, r: fds[0], w: fds[1]}
	// Who may not have large ones (pipe-user-pages-soft of pipe(7)) reads as ever.
	if _, err := unix.FcntlInt(uintptr(p.w), unix.F_SETPIPE_SZ, pipeBytes); err != nil {
		p.close()
		return nil
	}
	return p
}

func (p *Pipe) close() {
	_ = unix.Close(p.r)
	_ = unix.Close(p.w)
}

func splice(from, to int, n int64) (int, unix.Errno) {
	const flags = unix.SPLICE_F_NONBLOCK | unix.SPLICE_F_MOVE
	k, _, errno := unix.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n), flags)
	return int(k), errno
}

func (s *fdSocket) ReadPipe(p *Pipe, n int64) (int, error) {
	k, errno := splice(s.fd, p.w, n)
	switch {
	case errno == 0 && k == 0:
		return 0, io.EOF
	case errno == 0:
		return k, nil
	case errno == unix.EAGAIN:
		// Nothing is there, or the pipe is full (each packet takes a place), or urgent
		// data are next: only recv(2) tells, and of an end behind a full pipe.
		switch err := s.Peek(); {
		case errors.Is(err, errUnexpected):
			return 0, errNotPiped
		case err != nil:
			return 0, err
		}
	case errno == unix.EINVAL, errno == unix.EPERM, errno == unix.ENOSYS: // not here
		return 0, errNotPiped
	}
	return 0, errnoErr(errno)
}

// makeRoom has the system take as much as a pipe has, so that the peer need not wait
// for us in between: there it costs no more memory than in the pipe. Who may not ask
// for so much gets the most that net.core.wmem_max allows.
func (s *fdSocket) makeRoom() {
	s.roomy = true
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, pipeBytes) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, pipeBytes)
	}
}

func (s *fdSocket) WritePipe(p *Pipe, n int64) (int, error) {
	if !s.roomy {
		s.makeRoom()
	}
	k, errno := splice(p.r, s.fd, n)
	if errno != 0 {
		return 0, errnoErr(errno)
	}
	p.held -= int64(k)
	return k, nil
}
