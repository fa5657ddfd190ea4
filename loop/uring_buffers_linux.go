package loop

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bufferGroup is the only group of a loop's ring.
const bufferGroup = 0

// noBuffer ends a list of buffers.
const noBuffer = int32(-1)

// uringBuffers are the buffers that a loop lends to the kernel, which fills one
// whenever a connection has something to read: an idle connection has none. A
// filled buffer belongs to its socket's queue until it has been read, and then
// goes back to the ring.
type uringBuffers struct {
	size    uint32
	mask    uint32
	mem     []byte // all buffers
	ringMem []byte
	ring    []ringBuf
	tail    uint16
	lent    int // with the kernel

	// Of the buffers in sockets' queues, by number.
	next []int32
	len  []uint32
}

// newUringBuffers registers count (a power of 2) buffers of size octets.
func newUringBuffers(r *uring, count, size int) (*uringBuffers, error) {
	b := &uringBuffers{size: uint32(size), mask: uint32(count - 1), next: make([]int32, count), len: make([]uint32, count)}
	var err error
	const prot, flags = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_PRIVATE | unix.MAP_ANON
	if b.mem, err = unix.Mmap(-1, 0, count*size, prot, flags); err != nil {
		return nil, fmt.Errorf("loop: io_uring: mmap of %d octets: %w", count*size, err)
	}
	if b.ringMem, err = unix.Mmap(-1, 0, count*sizeofRingBuf, prot, flags); err != nil {
		b.close()
		return nil, fmt.Errorf("loop: io_uring: mmap of %d octets: %w", count*sizeofRingBuf, err)
	}
	b.ring = unsafe.Slice((*ringBuf)(unsafe.Pointer(&b.ringMem[0])), count)
	reg := bufRingReg{addr: uint64(uintptr(unsafe.Pointer(&b.ringMem[0]))), entries: uint32(count), group: bufferGroup}
	if errno := r.register(registerBufRing, unsafe.Pointer(&reg), 1); errno != 0 {
		b.close()
		return nil, uringRefused("io_uring_register", errno)
	}
	for i := range count {
		b.lend(int32(i))
	}
	b.publish()
	return b, nil
}

// lend puts a buffer into the ring; the kernel sees it after publish.
func (b *uringBuffers) lend(id int32) {
	e := &b.ring[uint32(b.tail)&b.mask]
	e.addr = uint64(uintptr(unsafe.Pointer(&b.mem[uint32(id)*b.size])))
	e.len = b.size
	e.bid = uint16(id)
	b.tail++
	b.lent++
}

// publish tells the kernel of lent buffers. The tail must be seen after the
// entries, and there is no atomic store of 16 bits: the first entry's bid, which
// shares its word, is stored with it.
func (b *uringBuffers) publish() {
	var w [4]byte
	binary.NativeEndian.PutUint16(w[0:], b.ring[0].bid)
	binary.NativeEndian.PutUint16(w[2:], b.tail)
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&b.ringMem[ringBufTailOffset])), binary.NativeEndian.Uint32(w[:]))
}

// bytes is what the kernel has put into a buffer.
func (b *uringBuffers) bytes(id int32) []byte {
	off := uint32(id) * b.size
	return b.mem[off : off+b.len[id]]
}

func (b *uringBuffers) close() {
	if b.ringMem != nil {
		_ = unix.Munmap(b.ringMem)
	}
	if b.mem != nil {
		_ = unix.Munmap(b.mem)
	}
}
