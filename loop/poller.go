package loop

import (
	"errors"
	"net"
	"os"
	"time"
)

// ErrAgain is what a Socket or Acceptor answers when it would block: wait for
// the next event.
var ErrAgain = errors.New("loop: would block")

// Interest tells a Poller what to report of a socket.
type Interest uint8

// Readable and Writable are combined as bits; 0 means keep quiet.
const (
	Readable Interest = 1 << iota
	Writable
)

// Handle names a slot of a loop and the generation of its occupant, so that an
// event for a closed connection cannot reach the one that came after it.
type Handle uint64

func makeHandle(slot, gen uint32) Handle { return Handle(gen)<<32 | Handle(slot) }
func (h Handle) slot() uint32            { return uint32(h) }
func (h Handle) gen() uint32             { return uint32(h >> 32) }

// Event says that a socket is ready. Level-triggered: what is not taken is
// reported again.
type Event struct {
	Handle Handle
	Ready  Interest
	// Hup: the peer is gone or the socket has failed; reported whatever the
	// interest, until the socket is removed.
	Hup bool
}

// Poller tells which sockets are ready. All methods but Wake are called by the
// loop that owns it.
type Poller interface {
	Add(s Pollable, h Handle, in Interest) error
	Modify(s Pollable, h Handle, in Interest) error
	Remove(s Pollable) error
	// Wait fills evs; a negative timeout waits for ever.
	Wait(evs []Event, timeout time.Duration) (int, error)
	// Wake ends a Wait from any goroutine.
	Wake()
	Close() error
	// Listen and Dial make sockets that this poller can watch.
	Listen(network, address string, shared bool) (Acceptor, error)
	Dial(network, address string) (Socket, error)
}

// Pollable is anything that a Poller can watch.
type Pollable interface {
	// Descriptor is the file descriptor, -1 where there is none.
	Descriptor() int
}

// Socket is a stream that never blocks: instead it answers ErrAgain.
type Socket interface {
	Pollable
	// Read answers io.EOF when the peer has finished sending.
	Read(p []byte) (int, error)
	Writev(bufs [][]byte) (int, error)
	// SendFile sends n octets of f from offset off.
	SendFile(f *os.File, off int64, n int) (int, error)
	CloseWrite() error
	// Connected tells how a Dial ended, once the socket is writable.
	Connected() error
	Close() error
}

// Acceptor is a listening socket that never blocks. The Socket it makes may be
// added to any poller of the same kind.
type Acceptor interface {
	Pollable
	Accept() (Socket, net.Addr, error)
	Addr() net.Addr
	Close() error
}
