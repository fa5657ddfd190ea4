package loop

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// uringPoller waits with io_uring(7). What the kernel receives ahead is queued in
// the socket and reported as readiness, so that a Conn sees no difference to epoll.
// Small messages are sent by the ring (uringSend), larger ones by direct calls.
//
// Within a turn only queues and interests change. Requests are made, withdrawn
// and submitted in Wait, all by the one system call that waits, so what is paused
// and resumed within a turn costs nothing.
type uringPoller struct {
	ring *uring
	bufs *uringBuffers
	take func(c cqe) // p.completed, made once

	slots []uringSlot
	free  []uint32

	changed []*uringSource // settle has to look at them
	ready   []*uringSource // may have something to report; each at most once
	spare   []*uringSource // collect's own, like told
	told    []*uringSource
	flying  int // requests with the kernel, that of the eventfd not counted
	waking  bool

	outbox []byte         // messages that the ring is to send in the next enter
	posts  int            // how many
	late   []*uringSource // closed, and something is still to be sent

	mu     sync.Mutex // guards wakeFd against Close
	wakeFd int
}

// uringSlot makes an answer find its source. A slot is given away again only
// when no request of its source is with the kernel; gen is a second lock.
type uringSlot struct {
	s   *uringSource
	gen uint32
}

// uringSize is how much of everything a poller gets.
type uringSize struct {
	requests, answers uint32 // entries of the rings
	buffers           int
	bufferBytes       int
}

var uringDefault = uringSize{
	requests: uringRequests, answers: uringAnswers,
	buffers: uringBufferCount, bufferBytes: uringBufferBytes,
}

func newUringPoller() (Poller, error) { return newUringSized(uringDefault) }

func newUringSized(size uringSize) (*uringPoller, error) {
	ring, err := newUring(size.requests, size.answers)
	if err != nil {
		return nil, err
	}
	p := &uringPoller{ring: ring, wakeFd: -1, outbox: make([]byte, 0, uringOutboxBytes)}
	p.take = p.completed
	if p.bufs, err = newUringBuffers(ring, size.buffers, size.bufferBytes); err != nil {
		_ = ring.close()
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("loop: eventfd: %w", err)
	}
	p.wakeFd = wake
	return p, nil
}

// Answers are told apart by what was asked, and for which slot and generation.
type uringOp uint8

const (
	uringMain   uringOp = iota // receive, or a listening descriptor's poll
	uringPoll                  // writable, or gone
	uringCancel                // of one of the above
	uringPost                  // a small message
	uringWake
)

const uringGenMask = 1<<28 - 1

func (p *uringPoller) name(s *uringSource, op uringOp) uint64 {
	return uint64(op)<<60 | uint64(p.slots[s.slot].gen&uringGenMask)<<32 | uint64(s.slot)
}

func (p *uringPoller) Add(s Pollable, h Handle, in Interest) error {
	src := s.(uringOwner).source()
	if src.p == nil {
		p.attach(src)
	}
	src.h, src.in, src.added = h, in, true
	if src.poll != requestFlying { // it would not repeat what it has told
		src.hup, src.readable, src.writable, src.ended = false, false, false, false
	}
	p.change(src)
	p.report(src) // something may have come before
	return nil
}

func (p *uringPoller) Modify(s Pollable, _ Handle, in Interest) error {
	src := s.(uringOwner).source()
	src.in = in
	p.change(src)
	p.report(src)
	return nil
}

func (p *uringPoller) Remove(s Pollable) error {
	src := s.(uringOwner).source()
	src.added = false
	p.change(src)
	return nil
}

func (p *uringPoller) attach(s *uringSource) {
	if n := len(p.free); n > 0 {
		s.slot = p.free[n-1]
		p.free = p.free[:n-1]
	} else {
		s.slot = uint32(len(p.slots))
		p.slots = append(p.slots, uringSlot{})
	}
	p.slots[s.slot].gen++
	p.slots[s.slot].s = s
	s.p = p
}

func (p *uringPoller) detach(s *uringSource) {
	p.slots[s.slot].s = nil
	p.free = append(p.free, s.slot)
	s.p = nil
}

// change has settle look at s before the next wait.
func (p *uringPoller) change(s *uringSource) {
	if !s.changed {
		s.changed = true
		p.changed = append(p.changed, s)
	}
}

// report has collect look at s.
func (p *uringPoller) report(s *uringSource) {
	if !s.listed {
		s.listed = true
		p.ready = append(p.ready, s)
	}
}

func (p *uringPoller) Wait(out []Event, timeout time.Duration) (int, error) {
	if err := p.prepare(); err != nil {
		return 0, err
	}
	p.prune()
	if len(p.late) > 0 && (timeout < 0 || timeout > time.Second) {
		timeout = time.Second // to look whether one is overdue
	}
	wait := uint32(1)
	if len(p.ready) > 0 || timeout == 0 {
		wait = 0
	}
	if err := p.enter(wait, timeout); err != nil {
		return 0, err
	}
	return p.collect(out), nil
}

// prepare requests all that the sources now want.
func (p *uringPoller) prepare() error {
	if err := p.ring.enable(); err != nil {
		return err
	}
	if !p.waking {
		e, err := p.ring.request()
		if err != nil {
			return err
		}
		// Edge-triggered: each Wake is answered, and the count never read.
		e.opcode, e.fd, e.len, e.opFlags = opPollAdd, int32(p.wakeFd), pollMultishot, pollMask(unix.POLLIN)
		e.userData = uint64(uringWake) << 60
		p.waking = true
	}
	p.endLate(time.Now)
	return p.settle()
}

// linger keeps a closed source until all is sent, or for uringLateTime.
func (p *uringPoller) linger(s *uringSource) {
	if !s.late {
		s.late = true
		p.late = append(p.late, s)
	}
}

func (p *uringPoller) endLate(clock func() time.Time) {
	if len(p.late) == 0 {
		return
	}
	now := clock()
	p.late = slices.DeleteFunc(p.late, func(s *uringSource) bool {
		if !s.owner.overdue(now) {
			return false
		}
		p.change(s)
		return true
	})
}

// settle brings the requests of changed sources in line with their interest.
func (p *uringPoller) settle() error {
	for i := 0; i < len(p.changed); i++ {
		s := p.changed[i]
		p.changed[i] = nil
		s.changed = false
		if err := s.settle(); err != nil {
			return err
		}
	}
	p.changed = p.changed[:0]
	return nil
}

func (p *uringPoller) enter(wait uint32, timeout time.Duration) error {
	p.bufs.publish()
	if err := p.ring.enter(wait, timeout); err != nil {
		return err
	}
	err := p.ring.reap(p.take)
	if p.ring.submitted() {
		p.outbox, p.posts = p.outbox[:0], 0
	}
	return err
}

// completed takes one answer. It only changes queues and states: new requests
// are made by settle.
func (p *uringPoller) completed(c cqe) {
	op := uringOp(c.userData >> 60)
	if op == uringWake {
		p.waking = c.flags&cqeMore != 0
		return
	}
	slot, gen := uint32(c.userData), uint32(c.userData>>32)&uringGenMask
	if int(slot) >= len(p.slots) || p.slots[slot].s == nil || p.slots[slot].gen&uringGenMask != gen {
		if op == uringMain && c.flags&cqeBuffer != 0 {
			p.bufs.lent--
			p.bufs.lend(int32(c.flags >> cqeBufferShift))
		}
		return
	}
	s := p.slots[slot].s
	switch op {
	case uringMain:
		if c.flags&cqeMore == 0 {
			s.main = requestNone
			p.flying--
			p.change(s)
		}
		s.owner.received(c.res, c.flags)
	case uringPoll:
		if c.flags&cqeMore == 0 {
			s.poll = requestNone
			p.flying--
			p.change(s)
		}
		s.polled(c.res)
	case uringCancel:
		s.cancelFailed(c.res)
	case uringPost:
		p.flying--
		s.owner.sent(c.res)
	case uringWake:
	}
	if s.added {
		p.report(s)
	}
}

// prune forgets sources that have nothing to report any more.
func (p *uringPoller) prune() {
	keep := p.ready[:0]
	for _, s := range p.ready {
		if ready, hup := s.readiness(); ready != 0 || hup {
			keep = append(keep, s)
		} else {
			s.listed = false
		}
	}
	clear(p.ready[len(keep):])
	p.ready = keep
}

// collect turns the list into events. What is ready stays on it, behind what
// found no room, since readiness is level-triggered.
func (p *uringPoller) collect(out []Event) int {
	list := p.ready
	p.ready = p.spare[:0]
	n := 0
	for i, s := range list {
		if n == len(out) {
			p.ready = append(p.ready, list[i:]...)
			break
		}
		ready, hup := s.readiness()
		if ready == 0 && !hup {
			s.listed = false
			continue
		}
		out[n] = Event{Handle: s.h, Ready: ready, Hup: hup}
		n++
		p.told = append(p.told, s)
	}
	p.ready = append(p.ready, p.told...)
	clear(p.told)
	p.told = p.told[:0]
	clear(list)
	p.spare = list[:0]
	return n
}

// Wake may come after Close: then nobody waits.
func (p *uringPoller) Wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wakeFd >= 0 {
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], 1)
		_, _ = unix.Write(p.wakeFd, one[:])
	}
}

// Close ends what is still requested first: the kernel would do so later, on its
// own time, and meanwhile keep the sockets open.
func (p *uringPoller) Close() error {
	for range uringCloseRounds {
		if !p.ring.enabled || p.settle() != nil || (p.flying == 0 && len(p.changed) == 0) {
			break
		}
		if p.enter(min(1, uint32(p.flying)), uringCloseTime) != nil {
			break
		}
	}
	p.abandon()
	p.mu.Lock()
	_ = unix.Close(p.wakeFd)
	p.wakeFd = -1
	p.mu.Unlock()
	err := p.ring.close()
	p.bufs.close()
	return err
}

// abandon closes what waits for its requests' end.
func (p *uringPoller) abandon() {
	for _, slot := range p.slots {
		if s := slot.s; s != nil && s.closing {
			s.owner.release()
		}
	}
}

func (p *uringPoller) Listen(network, address string, shared bool) (Acceptor, error) {
	a, err := listenFd(network, address, shared)
	if err != nil {
		return nil, err
	}
	u, err := newUringAcceptor(a.(*fdAcceptor))
	if err != nil {
		_ = a.Close()
		return nil, fmt.Errorf("loop: listening on %s: %w", address, err)
	}
	return u, nil
}

func (p *uringPoller) Dial(network, address string) (Socket, error) {
	s, err := dialFd(network, address)
	if err != nil {
		return nil, err
	}
	u := newUringSocket(s.Descriptor(), true)
	u.dialled = true
	return u, nil
}
