package loop

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

const (
	// portableBufferBytes is how much is read ahead, and written behind.
	portableBufferBytes = 32 << 10
	// portableCloseTime bounds how long bytes already taken may still be
	// written after Close.
	portableCloseTime = 5 * time.Second
)

// portableSocket makes a net.Conn look non-blocking.
type portableSocket struct {
	source

	taken chan struct{} // the reader may fill its buffer again
	work  chan []byte   // for the writer; it has one buffer at a time

	// guarded by source.mu
	conn      net.Conn // nil while dialling
	dialErr   error
	in        []byte // read ahead and not yet taken
	inErr     error
	out       []byte // the writer's buffer
	writing   bool
	outErr    error
	lost      int64 // of what was taken, what the system has refused
	shutWrite bool  // CloseWrite waits for the writer
	closed    bool
}

func newPortableSocket(c net.Conn) *portableSocket {
	s := &portableSocket{taken: make(chan struct{}, 1), work: make(chan []byte, 1)}
	s.state = s.readiness
	if c != nil {
		s.conn = c
		s.start()
	}
	return s
}

func (s *portableSocket) start() {
	go s.readAhead()
	go s.writeBehind()
}

func (p *portablePoller) Dial(network, address string) (Socket, error) {
	s := newPortableSocket(nil)
	go func() {
		c, err := net.DialTimeout(network, address, 30*time.Second)
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			if c != nil {
				_ = c.Close()
			}
			return
		}
		s.conn, s.dialErr = c, err
		s.mu.Unlock()
		if err == nil {
			s.start()
		}
		s.notify()
	}()
	return s, nil
}

func (s *portableSocket) src() *source    { return &s.source }
func (s *portableSocket) Descriptor() int { return -1 }

func (s *portableSocket) readiness() (Interest, bool) {
	if s.conn == nil {
		if s.dialErr != nil {
			return Readable | Writable, true
		}
		return 0, false
	}
	var in Interest
	if len(s.in) > 0 || s.inErr != nil {
		in |= Readable
	}
	busy, outErr := s.sending()
	if !busy {
		in |= Writable
	}
	return in, outErr != nil || (s.inErr != nil && !errors.Is(s.inErr, io.EOF) && len(s.in) == 0)
}

// sending tells whether the writer can take nothing, or why it never will again:
// that is heard only after all that the peer said before.
func (s *portableSocket) sending() (busy bool, err error) {
	if s.outErr != nil && s.inErr != nil {
		return false, s.outErr
	}
	return s.writing || s.outErr != nil, nil
}

func (s *portableSocket) readAhead() {
	buf := make([]byte, portableBufferBytes)
	for {
		n, err := s.conn.Read(buf)
		s.mu.Lock()
		s.in, s.inErr = buf[:n], err
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return
		}
		s.notify()
		if err != nil {
			return
		}
		if _, ok := <-s.taken; !ok {
			return
		}
	}
}

func (s *portableSocket) writeBehind() {
	for b := range s.work {
		n, err := s.conn.Write(b)
		s.mu.Lock()
		s.writing = false
		if err != nil {
			s.outErr = err
			s.lost += int64(len(b) - n)
		}
		if s.shutWrite {
			s.shutWrite = false
			_ = closeWrite(s.conn)
		}
		if s.closed {
			_ = s.conn.Close()
		}
		s.mu.Unlock()
		s.notify()
	}
}

func (s *portableSocket) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.in) == 0 {
		if s.inErr != nil {
			return 0, s.inErr
		}
		return 0, ErrAgain
	}
	n := copy(p, s.in)
	if s.in = s.in[n:]; len(s.in) == 0 && s.inErr == nil {
		s.taken <- struct{}{}
	}
	return n, nil
}

// Peek answers nil when nothing is to be read and the peer has not closed.
func (s *portableSocket) Peek() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.in) > 0:
		return errUnexpected
	case s.inErr != nil:
		return s.inErr
	case s.outErr != nil || s.conn == nil:
		return s.outErr
	}
	// The reader may not have come round to saying so yet.
	sc, ok := s.conn.(syscall.Conn)
	if !ok {
		return nil
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	if ctlErr := rc.Control(func(fd uintptr) { err = peekFd(fd) }); ctlErr != nil {
		return ctlErr
	}
	return err
}

// Unsent counts the octets that Writev took but the system has refused. Those that
// it is being given may be with the peer already.
func (s *portableSocket) Unsent() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// Local is the address that the socket is bound to.
func (s *portableSocket) Local() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return netip.AddrPort{}
	}
	return addrPort(s.conn.LocalAddr())
}

// Dup makes a second descriptor.
func (s *portableSocket) Dup() (fd uintptr, closeFd func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc, ok := s.conn.(syscall.Conn)
	if !ok {
		return 0, nil, errNoDup
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return 0, nil, err
	}
	if ctlErr := rc.Control(func(f uintptr) { fd, closeFd, err = dupFd(f) }); ctlErr != nil {
		err = ctlErr
	}
	return fd, closeFd, err
}

// take gives the writer what fill put into its buffer.
func (s *portableSocket) take(fill func(buf []byte) (int, error)) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch busy, err := s.sending(); {
	case err != nil:
		return 0, err
	case busy || s.conn == nil:
		return 0, ErrAgain
	}
	if s.out == nil {
		s.out = make([]byte, portableBufferBytes)
	}
	n, err := fill(s.out)
	if n > 0 {
		s.writing = true
		s.work <- s.out[:n]
		err = nil
	}
	return n, err
}

func (s *portableSocket) Writev(bufs [][]byte) (int, error) {
	return s.take(func(buf []byte) (int, error) {
		n := 0
		for _, b := range bufs {
			n += copy(buf[n:], b)
		}
		return n, nil
	})
}

func (s *portableSocket) SendFile(f *os.File, off int64, n int) (int, error) {
	return s.take(func(buf []byte) (int, error) {
		k, err := f.ReadAt(buf[:min(n, len(buf))], off)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return k, err
	})
}

func closeWrite(c net.Conn) error {
	if h, ok := c.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return nil
}

func (s *portableSocket) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing {
		s.shutWrite = true
		return nil
	}
	return closeWrite(s.conn)
}

// Reset makes Close a reset; what was written before is lost.
func (s *portableSocket) Reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.conn.(*net.TCPConn); ok {
		return c.SetLinger(0)
	}
	return nil
}

func (s *portableSocket) Connected() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.dialErr != nil:
		return s.dialErr
	case s.conn == nil:
		return ErrAgain
	default:
		return nil
	}
}

func (s *portableSocket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.taken)
	close(s.work)
	if s.conn == nil {
		return nil
	}
	if s.writing {
		_ = s.conn.SetDeadline(time.Now().Add(portableCloseTime))
		return nil
	}
	return s.conn.Close()
}
