package loop

import (
	"errors"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// uringSend is the sending side of a uringSocket.
//
// A small message is copied and sent by the ring, with all others of the turn, in
// the system call that waits for the next one. The kernel tries each at once and
// never keeps it, so this is a write whose result comes late: what the kernel did
// not take is kept here until it does, and Writev answers ErrAgain meanwhile.
// There is never more than one such message, since of two the second could be
// taken and the first not. All else is written directly.
type uringSend struct {
	posted   bool   // a message is with the ring
	outOff   uint32 // where in the poller's outbox
	outLen   uint32
	later    []byte // what the kernel did not take
	lost     int64  // octets that were taken from the Conn and could not be sent
	sendErr  error
	shut     bool // CloseWrite waits for later
	reset    bool // later is worth nothing
	deadline time.Time
}

func (s *uringSocket) Writev(bufs [][]byte) (int, error) {
	n := 0
	for _, b := range bufs {
		n += len(b)
	}
	if s.added && !s.posted && n <= uringSendBytes && len(s.later) == 0 && s.sendErr == nil {
		done, err := s.post(bufs, n)
		if err != nil {
			return 0, err
		}
		if done {
			return n, nil
		}
	}
	if err := s.CaughtUp(); err != nil {
		return 0, err
	}
	n, err := s.write(bufs)
	return n, s.refused(err)
}

// post gives a message to the ring, if there is room.
func (s *uringSocket) post(bufs [][]byte, n int) (bool, error) {
	p := s.p
	if len(p.outbox)+n > cap(p.outbox) || p.posts == uringPostsMax {
		if err := p.enter(0, 0); err != nil {
			return false, err
		}
		if len(p.outbox)+n > cap(p.outbox) { // the kernel is slow to take them
			return false, nil
		}
	}
	e, err := s.fly(nil, uringPost)
	if err != nil {
		return false, err
	}
	s.posted, s.outOff, s.outLen = true, uint32(len(p.outbox)), uint32(n)
	p.posts++
	for _, b := range bufs {
		p.outbox = append(p.outbox, b...)
	}
	e.opcode, e.fd, e.len, e.opFlags = opSend, int32(s.fd), s.outLen, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL
	e.addr = uint64(uintptr(unsafe.Pointer(&p.outbox[s.outOff])))
	return true, nil
}

// sent takes the answer to a posted message.
func (s *uringSocket) sent(res int32) {
	s.posted = false
	errno := unix.Errno(-res)
	switch {
	case res == int32(s.outLen):
	case res >= 0, errno == unix.EAGAIN, errno == unix.EINTR, errno == unix.ECANCELED:
		s.later = append([]byte(nil), s.p.outbox[s.outOff+uint32(max(res, 0)):s.outOff+s.outLen]...)
		s.writable = false
		s.p.change(&s.uringSource)
	default:
		s.lost = int64(s.outLen)
		s.broken(errno)
	}
	if !s.added {
		s.p.change(&s.uringSource)
	}
}

// broken has the connection learn why a message could not be sent, whether it
// reads or writes next.
func (s *uringSocket) broken(err error) {
	s.sendErr, s.later = err, nil
	s.hup, s.writable = true, true
	if s.end == nil {
		s.end = err
	}
}

// CaughtUp has the ring send what it was given, so that a direct call can't
// overtake it, nor a close come before it. ErrAgain: not all of it could be sent;
// Writable comes when it was.
func (s *uringSocket) CaughtUp() error {
	if s.posted {
		if err := s.p.enter(0, 0); err != nil {
			return err
		}
	}
	switch {
	case s.sendErr != nil:
		return s.sendErr
	case s.posted || len(s.later) > 0:
		return ErrAgain
	default:
		return nil
	}
}

// waiting tells whether something has to be sent before the end, busy whether the
// answer to a posted message is awaited.
func (s *uringSocket) waiting() bool { return len(s.later) > 0 && !s.reset }
func (s *uringSocket) busy() bool    { return s.posted }

// flush sends what waits, now that poll says so.
func (s *uringSocket) flush() {
	for len(s.later) > 0 {
		n, err := s.write([][]byte{s.later})
		if err != nil {
			if !errors.Is(s.refused(err), ErrAgain) {
				s.lost = int64(len(s.later))
				s.broken(err)
				break
			}
			return
		}
		s.later = s.later[n:]
	}
	s.later = nil
	if s.shut {
		s.shut = false
		_ = s.fdSocket.CloseWrite()
	}
	s.p.change(&s.uringSource)
}

// overdue gives up what a closed connection's peer does not take.
func (s *uringSocket) overdue(now time.Time) bool {
	if s.deadline.IsZero() {
		s.deadline = now.Add(uringLateTime)
	}
	if now.After(s.deadline) {
		s.later = nil
	}
	return len(s.later) == 0
}

// write is a direct call that does not block.
func (s *uringSocket) write(bufs [][]byte) (int, error) {
	const flags = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL
	var n uintptr
	var errno unix.Errno
	if len(bufs) == 1 {
		b := bufs[0]
		n, _, errno = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	} else {
		var iov [iovecsMax]unix.Iovec
		k := vector(&iov, bufs)
		msg := unix.Msghdr{Iov: &iov[0]}
		msg.SetIovlen(k)
		n, _, errno = unix.RawSyscall(unix.SYS_SENDMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&msg)), flags)
	}
	if errno != 0 {
		return 0, errnoErr(errno)
	}
	return int(n), nil
}

func (s *uringSocket) SendFile(f *os.File, off int64, n int) (int, error) {
	if err := s.CaughtUp(); err != nil {
		return 0, err
	}
	if err := s.setNonblock(true); err != nil {
		return 0, err
	}
	n, err := s.fdSocket.SendFile(f, off, n)
	return n, s.refused(err)
}

// refused notes that a write would block: only a later answer can make the
// socket writable again.
func (s *uringSocket) refused(err error) error {
	if errors.Is(err, ErrAgain) {
		s.writable = false
		if s.p != nil {
			s.p.change(&s.uringSource)
		}
	}
	return err
}

func (s *uringSocket) CloseWrite() error {
	switch err := s.CaughtUp(); {
	case errors.Is(err, ErrAgain):
		s.shut = true
		return nil
	case err != nil:
		return err
	}
	return s.fdSocket.CloseWrite()
}

// Unsent counts the octets that Writev took but the system has not.
func (s *uringSocket) Unsent() int64 {
	n := s.lost + int64(len(s.later))
	if s.posted {
		n += int64(s.outLen)
	}
	return n
}

// Unread counts what the peer has not read.
func (s *uringSocket) Unread() (int, error) {
	_ = s.CaughtUp()
	n, err := s.fdSocket.Unread()
	return n + len(s.later), err
}

// Reset makes Close a reset; what the kernel still holds is lost.
func (s *uringSocket) Reset() error {
	s.reset = true
	return s.fdSocket.Reset()
}

// Close of a connection that was accepted takes effect in the next Wait. A peer
// that we have dialled must see it at once, for whoever counts connections there
// may open the next one.
func (s *uringSocket) Close() error {
	if s.closing {
		return nil
	}
	s.close()
	if s.dialled {
		return s.endNow()
	}
	return nil
}

// release closes it; no request is with the kernel any more.
func (s *uringSocket) release() { _ = unix.Close(s.fd) }

// SendMore is direct: the system is to hold the octets back until the next ones.
func (s *uringSocket) SendMore(b []byte) (int, error) {
	if err := s.CaughtUp(); err != nil {
		return 0, err
	}
	n, err := s.fdSocket.SendMore(b)
	return n, s.refused(err)
}
