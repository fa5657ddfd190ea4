package loop

import (
	"encoding/binary"
	"math/bits"
)

// The kernel's interface, io_uring(7); golang.org/x/sys/unix has only the
// numbers of the three system calls.

// sqe is one request, struct io_uring_sqe.
type sqe struct {
	opcode   uint8
	flags    uint8
	ioprio   uint16 // flags of recv and accept
	fd       int32
	off      uint64
	addr     uint64
	len      uint32
	opFlags  uint32 // flags of poll, cancel, send, accepted sockets
	userData uint64
	bufGroup uint16
	_        [22]byte
}

// cqe is one answer, struct io_uring_cqe.
type cqe struct {
	userData uint64
	res      int32
	flags    uint32
}

// ringParams is struct io_uring_params.
type ringParams struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFd uint32
	_                                                                      [3]uint32
	sq                                                                     ringOffsets
	cq                                                                     ringOffsets
}

// ringOffsets is struct io_sqring_offsets or io_cqring_offsets: they differ in
// the names of the fourth to sixth field.
type ringOffsets struct {
	head, tail, mask, entries uint32
	flagsOrOverflow           uint32
	droppedOrCqes             uint32
	arrayOrFlags              uint32
	_                         uint32
	_                         uint64
}

// waitArg is struct io_uring_getevents_arg.
type waitArg struct {
	sigmask   uint64
	sigmaskSz uint32
	minWait   uint32
	timespec  uint64
}

// bufRingReg is struct io_uring_buf_reg.
type bufRingReg struct {
	addr    uint64
	entries uint32
	group   uint16
	flags   uint16
	_       [3]uint64
}

// ringBuf is struct io_uring_buf. The ring's tail lies in resv of the first.
type ringBuf struct {
	addr uint64
	len  uint32
	bid  uint16
	resv uint16
}

const (
	setupCQSize       = 1 << 3
	setupDisabled     = 1 << 6
	setupSubmitAll    = 1 << 7
	setupTaskrunFlag  = 1 << 9
	setupSingleIssuer = 1 << 12
	setupDeferTaskrun = 1 << 13

	featSingleMmap = 1 << 0
	featNoDrop     = 1 << 1
	featExtArg     = 1 << 8

	offSQRing = 0
	offSQEs   = 0x10000000

	enterGetEvents = 1 << 0
	enterExtArg    = 1 << 3

	sqCQOverflow = 1 << 1
	sqTaskrun    = 1 << 2

	registerEventFd = 4
	registerEnable  = 12
	registerBufRing = 22

	opPollAdd     = 6
	opAccept      = 13
	opAsyncCancel = 14
	opSend        = 26
	opRecv        = 27

	sqeBufferSelect   = 1 << 5
	sqeSkipSuccess    = 1 << 6
	recvMultishot     = 1 << 1
	acceptMultishot   = 1 << 0
	pollMultishot     = 1 << 0
	cqeBuffer         = 1 << 0
	cqeMore           = 1 << 1
	cqeBufferShift    = 16
	sizeofRingBuf     = 16
	ringBufTailOffset = 12 // with the first entry's bid before it, as one word
)

// pollMask is how the kernel wants the events of a poll request: its two halves
// are swapped on big-endian machines.
func pollMask(events uint32) uint32 {
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		return bits.RotateLeft32(events, 16)
	}
	return events
}
