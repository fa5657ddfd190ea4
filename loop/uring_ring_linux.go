package loop

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// uring is one pair of rings shared with the kernel. It belongs to the thread
// that enables it (IORING_SETUP_SINGLE_ISSUER): the kernel then needs no locks,
// and completes requests only when that thread asks (DEFER_TASKRUN), so nothing
// appears in the completion ring but in enter.
type uring struct {
	fd      int
	mem     []byte // both rings
	sqeMem  []byte
	enabled bool

	sqHead, sqTail, sqFlags *atomic.Uint32
	sqMask                  uint32
	sqes                    []sqe
	tail                    uint32 // ours; the kernel sees it in enter

	cqHead, cqTail *atomic.Uint32
	cqMask         uint32
	cqes           []cqe

	arg      waitArg // here, where they cannot move: the kernel gets addresses
	timespec [2]int64
}

// newUring makes rings that are not yet enabled.
func newUring(sqEntries, cqEntries uint32) (*uring, error) {
	p := ringParams{
		cqEntries: cqEntries,
		flags:     setupCQSize | setupDisabled | setupSubmitAll | setupTaskrunFlag | setupSingleIssuer | setupDeferTaskrun,
	}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(sqEntries), uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, uringRefused("io_uring_setup", errno)
	}
	r := &uring{fd: int(fd)}
	if need := uint32(featSingleMmap | featNoDrop | featExtArg); p.features&need != need {
		_ = unix.Close(r.fd)
		return nil, uringRefused("io_uring_setup", unix.EINVAL)
	}
	if err := r.mmap(&p); err != nil {
		_ = r.close()
		return nil, err
	}
	return r, nil
}

// uringRefused says why the kernel gives no ring, as far as its error tells.
func uringRefused(call string, errno unix.Errno) error {
	why := ""
	switch errno {
	case unix.ENOSYS:
		why = " (this kernel has no io_uring)"
	case unix.EPERM, unix.EACCES:
		why = " (forbidden: see sysctl kernel.io_uring_disabled, or the container's seccomp rules)"
	case unix.EINVAL:
		why = " (Linux 6.1 or newer is needed)"
	case unix.ENOMEM:
		why = " (no memory, or RLIMIT_MEMLOCK is too low)"
	}
	return fmt.Errorf("loop: engine %q is not available: %s: %w%s", string(IOUring), call, errno, why)
}

func (r *uring) mmap(p *ringParams) error {
	size := max(p.sq.arrayOrFlags+p.sqEntries*4, p.cq.droppedOrCqes+p.cqEntries*uint32(unsafe.Sizeof(cqe{})))
	var err error
	const prot, flags = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	if r.mem, err = unix.Mmap(r.fd, offSQRing, int(size), prot, flags); err != nil {
		return fmt.Errorf("loop: io_uring: mmap of %d octets: %w", size, err)
	}
	size = p.sqEntries * uint32(unsafe.Sizeof(sqe{}))
	if r.sqeMem, err = unix.Mmap(r.fd, offSQEs, int(size), prot, flags); err != nil {
		return fmt.Errorf("loop: io_uring: mmap of %d octets: %w", size, err)
	}
	word := func(off uint32) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&r.mem[off])) }
	r.sqHead, r.sqTail, r.sqFlags = word(p.sq.head), word(p.sq.tail), word(p.sq.flagsOrOverflow)
	r.cqHead, r.cqTail = word(p.cq.head), word(p.cq.tail)
	r.sqMask, r.cqMask = p.sqEntries-1, p.cqEntries-1
	r.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(&r.sqeMem[0])), p.sqEntries)
	r.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(&r.mem[p.cq.droppedOrCqes])), p.cqEntries)
	for i := range p.sqEntries { // slot i always holds request i
		word(p.sq.arrayOrFlags + i*4).Store(i)
	}
	return nil
}

// enable binds the ring to the calling thread.
func (r *uring) enable() error {
	if r.enabled {
		return nil
	}
	if errno := r.register(registerEnable, nil, 0); errno != 0 {
		return uringRefused("io_uring_register", errno)
	}
	r.enabled = true
	return nil
}

// signal has the kernel write to an eventfd when there are answers, or work that leads
// to them.
func (r *uring) signal(eventFd int) error {
	fd := int32(eventFd)
	if errno := r.register(registerEventFd, unsafe.Pointer(&fd), 1); errno != 0 {
		return uringRefused("io_uring_register", errno)
	}
	return nil
}

func (r *uring) register(op uintptr, arg unsafe.Pointer, n uintptr) unix.Errno {
	_, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), op, uintptr(arg), n, 0, 0)
	return errno
}

var errRingFull = errors.New("loop: io_uring: the kernel takes no requests")

// request gives a cleared place in the submission ring. When it is full, what
// is there is submitted at once.
func (r *uring) request() (*sqe, error) {
	if r.tail-r.sqHead.Load() > r.sqMask {
		if err := r.enter(0, 0); err != nil {
			return nil, err
		}
		if r.tail-r.sqHead.Load() > r.sqMask {
			return nil, errRingFull
		}
	}
	e := &r.sqes[r.tail&r.sqMask]
	*e = sqe{}
	r.tail++
	return e, nil
}

// enter submits what was requested, lets the kernel complete what it can, and
// waits for that many answers; a negative timeout waits for ever.
func (r *uring) enter(wait uint32, timeout time.Duration) error {
	r.sqTail.Store(r.tail)
	n := uintptr(r.tail - r.sqHead.Load())
	if wait == 0 {
		if n == 0 && r.sqFlags.Load()&(sqTaskrun|sqCQOverflow) == 0 {
			return nil
		}
		// Cannot block, so the scheduler need not know.
		_, _, errno := unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), n, 0, enterGetEvents, 0, 0)
		return enterErr(errno)
	}
	if timeout < 0 {
		_, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), n, uintptr(wait), enterGetEvents, 0, 0)
		return enterErr(errno)
	}
	r.timespec = [2]int64{int64(timeout / time.Second), int64(timeout % time.Second)}
	r.arg.timespec = uint64(uintptr(unsafe.Pointer(&r.timespec)))
	_, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), n, uintptr(wait), enterGetEvents|enterExtArg,
		uintptr(unsafe.Pointer(&r.arg)), unsafe.Sizeof(r.arg))
	return enterErr(errno)
}

// enterErr sorts out what is no failure: an interrupted or timed out wait, and a
// kernel that is short of memory or of room for answers for a moment.
func enterErr(errno unix.Errno) error {
	switch errno {
	case 0, unix.EINTR, unix.ETIME, unix.EAGAIN, unix.EBUSY:
		return nil
	default:
		return fmt.Errorf("loop: io_uring_enter: %w", errno)
	}
}

// submitted tells whether the kernel has taken all requests.
func (r *uring) submitted() bool { return r.sqHead.Load() == r.tail }

// pending tells whether there are answers that were not taken yet.
func (r *uring) pending() bool {
	return r.cqHead.Load() != r.cqTail.Load()
}

// reap hands all answers to take, those included that did not fit the ring.
func (r *uring) reap(take func(c cqe)) error {
	for {
		head, tail := r.cqHead.Load(), r.cqTail.Load()
		for ; head != tail; head++ {
			take(r.cqes[head&r.cqMask])
		}
		r.cqHead.Store(head)
		if r.sqFlags.Load()&sqCQOverflow == 0 {
			return nil
		}
		if err := r.enter(0, 0); err != nil {
			return err
		}
	}
}

func (r *uring) close() error {
	if r.sqeMem != nil {
		_ = unix.Munmap(r.sqeMem)
	}
	if r.mem != nil {
		_ = unix.Munmap(r.mem)
	}
	return unix.Close(r.fd)
}
