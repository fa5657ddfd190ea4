package loop

import (
	"errors"
	"io"
	"unsafe"

	"golang.org/x/sys/unix"
)

// uringSocket is a descriptor whose octets the kernel receives ahead into lent
// buffers. That is for the small messages of many connections; who brings more
// at once is read from as with epoll, when poll tells (bulk), until he brings
// little again: one read into the loop's own buffer is cheaper than many small
// ones that have to be copied.
//
// The kernel refuses to wait on behalf of a descriptor with O_NONBLOCK, so this
// one blocks, and each of our own calls says that it must not. Only sendfile
// can't say so: it sets the flag, and the next receive request clears it.
type uringSocket struct {
	fdSocket
	uringSource
	nonblock bool // O_NONBLOCK is set
	dialled  bool
	bulk     bool
	small    uint8 // reads in a row that would not have needed bulk

	held        []byte // taken out of lent buffers; read before the queue
	first, last int32  // the queue of filled buffers
	off         uint32 // of first has been read
	queued      int    // octets in the queue
	end         error  // after all that: io.EOF or why it broke

	uringSend
}

func newUringSocket(fd int, nonblock bool) *uringSocket {
	s := &uringSocket{fdSocket: fdSocket{fd: fd}, first: noBuffer, last: noBuffer, nonblock: nonblock}
	s.owner = s
	return s
}

// setNonblock sets or clears O_NONBLOCK, the only flag that our sockets have.
func (s *uringSocket) setNonblock(on bool) error {
	if s.nonblock == on {
		return nil
	}
	flags := 0
	if on {
		flags = unix.O_NONBLOCK
	}
	if _, err := unix.FcntlInt(uintptr(s.fd), unix.F_SETFL, flags); err != nil {
		return err
	}
	s.nonblock = on
	return nil
}

// request fills in the main one.
func (s *uringSocket) request(e *sqe) {
	if err := s.setNonblock(false); err != nil {
		s.end = err // the request will be refused
	}
	e.opcode, e.fd = opRecv, int32(s.fd)
	e.ioprio, e.flags, e.bufGroup = recvMultishot, sqeBufferSelect, bufferGroup
}

// received takes an answer to it.
func (s *uringSocket) received(res int32, flags uint32) {
	b := s.p.bufs
	if flags&cqeBuffer != 0 {
		id := int32(flags >> cqeBufferShift)
		b.lent--
		if res > 0 {
			s.push(id, uint32(res))
		} else {
			b.lend(id)
		}
	}
	switch errno := unix.Errno(-res); {
	case res > 0:
		if s.queued >= uringBulkBytes && !s.bulk {
			s.bulk, s.small = true, 0
			s.p.change(&s.uringSource)
		}
		if s.in&Readable == 0 || !s.added {
			s.p.change(&s.uringSource)
		}
	case res == 0:
		s.end = io.EOF
	case errno == unix.ENOBUFS:
		// To wait until buffers are back would be in vain when others always have
		// more to fill them with. Read from directly, everybody gets his turn.
		s.bulk, s.small = true, uringSmallReads-1
	case errno == unix.EAGAIN:
		s.nonblock = false // it must have been set, against our belief: set it for sure
		_ = s.setNonblock(true)
	case errno == unix.ECANCELED, errno == unix.EINTR:
	default:
		s.end = errno
	}
}

func (s *uringSocket) push(id int32, n uint32) {
	b := s.p.bufs
	b.len[id], b.next[id] = n, noBuffer
	if s.first == noBuffer {
		s.first, s.off = id, 0
	} else {
		b.next[s.last] = id
	}
	s.last = id
	s.queued += int(n)
}

// input tells whether there is something for Readable.
func (s *uringSocket) input() bool {
	return s.first != noBuffer || len(s.held) > 0 || s.end != nil || (s.bulk && (s.readable || s.ended))
}

// wants tells whether more may be received ahead, polls whether Readable comes from
// poll instead.
func (s *uringSocket) wants() bool { return s.end == nil && !s.bulk }
func (s *uringSocket) polls() bool { return s.end == nil && s.bulk }

// rest copies the queue, so that a connection that nobody reads holds no lent
// buffer: the others need them.
func (s *uringSocket) rest() {
	if s.first == noBuffer {
		return
	}
	if s.closing {
		for s.first != noBuffer {
			s.drop()
		}
		return
	}
	s.held = append(make([]byte, 0, len(s.held)+s.queued), s.held...)
	n := len(s.held)
	s.held = s.held[:cap(s.held)]
	s.unqueue(s.held[n:])
}

// drop lends the first buffer of the queue again.
func (s *uringSocket) drop() {
	b := s.p.bufs
	id := s.first
	s.queued -= int(b.len[id] - s.off)
	s.first, s.off = b.next[id], 0
	b.lend(id)
}

// unqueue moves octets from the queue to p.
func (s *uringSocket) unqueue(p []byte) int {
	n := 0
	for s.first != noBuffer && n < len(p) {
		k := copy(p[n:], s.p.bufs.bytes(s.first)[s.off:])
		n += k
		s.off += uint32(k)
		s.queued -= k
		if s.off == s.p.bufs.len[s.first] {
			s.drop()
		}
	}
	return n
}

func (s *uringSocket) Read(p []byte) (int, error) {
	n := 0
	if len(s.held) > 0 {
		n = copy(p, s.held)
		if s.held = s.held[n:]; len(s.held) == 0 {
			s.held = nil
		}
	}
	if s.first != noBuffer {
		n += s.unqueue(p[n:])
	}
	switch {
	case n == len(p) || (n > 0 && !s.bulk):
		return n, nil
	case s.end != nil && n == 0:
		return 0, s.end
	case s.end != nil:
		return n, nil
	}
	k, err := s.direct(p[n:])
	if n == 0 {
		return k, err
	}
	if err != nil && !errors.Is(err, ErrAgain) {
		s.end = err
	}
	return n + k, nil
}

// direct reads what the kernel still holds. Nothing can be overtaken by that:
// what was received ahead is in the queue, or at least in the ring.
func (s *uringSocket) direct(p []byte) (int, error) {
	if s.catchUp() {
		return s.Read(p)
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		s.drained()
		return 0, errnoErr(errno)
	}
	if n == 0 {
		return 0, io.EOF
	}
	if int(n) < len(p) {
		s.drained()
	}
	if s.bulk {
		s.measure(int(n))
	}
	return int(n), nil
}

// drained notes that nothing is left to read, so poll has to be asked.
func (s *uringSocket) drained() {
	s.readable = false
	if s.bulk && s.p != nil {
		s.p.change(&s.uringSource)
	}
}

// measure ends bulk after enough reads that were small.
func (s *uringSocket) measure(n int) {
	if n > uringBufferBytes {
		s.small = 0
		return
	}
	if s.small++; s.small >= uringSmallReads {
		s.bulk = false
		if s.p != nil {
			s.p.change(&s.uringSource)
		}
	}
}

// catchUp takes answers that came while requests were made; it tells whether
// there is something to read now.
func (s *uringSocket) catchUp() bool {
	if s.p == nil || !s.p.ring.pending() {
		return false
	}
	_ = s.p.ring.reap(s.p.take) // a failure comes again in Wait
	return s.first != noBuffer || s.end != nil
}

// Peek answers nil when nothing is to be read and the peer has not closed.
func (s *uringSocket) Peek() error {
	_ = s.catchUp()
	switch {
	case s.first != noBuffer || len(s.held) > 0:
		return errUnexpected
	case s.end != nil:
		return s.end
	default:
		return s.fdSocket.Peek()
	}
}

// ReadPipe moves what the kernel still holds into a pipe.
func (s *uringSocket) ReadPipe(p *Pipe, n int64) (int, error) {
	if s.first != noBuffer || len(s.held) > 0 || s.end != nil || s.catchUp() {
		return 0, errNotPiped
	}
	if !s.bulk {
		s.bulk, s.small = true, 0
		if s.p != nil {
			s.p.change(&s.uringSource)
		}
	}
	if err := s.setNonblock(true); err != nil {
		return 0, err
	}
	k, err := s.fdSocket.ReadPipe(p, n)
	switch {
	case errors.Is(err, ErrAgain):
		s.drained()
	case err == nil && int64(k) < n: // all that was there, or all that the pipe took
		if left, e := unix.IoctlGetInt(s.fd, unix.SIOCINQ); e == nil && left == 0 {
			s.drained()
		}
	}
	return k, err
}

// WritePipe is direct, as SendFile.
func (s *uringSocket) WritePipe(p *Pipe, n int64) (int, error) {
	if err := s.CaughtUp(); err != nil {
		return 0, err
	}
	if err := s.setNonblock(true); err != nil {
		return 0, err
	}
	k, err := s.fdSocket.WritePipe(p, n)
	return k, s.refused(err)
}
