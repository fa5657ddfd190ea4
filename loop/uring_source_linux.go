package loop

import "golang.org/x/sys/unix"

// requestState says where a source's request is.
type requestState uint8

const (
	// requestNone: the kernel has none; settle makes one when it is wanted.
	requestNone requestState = iota
	// requestFlying: the kernel has it; its last answer leads to requestNone.
	requestFlying
	// requestCancelled: the kernel has it and its cancellation; the last answer
	// is still to come.
	requestCancelled
)

// uringSource is what a socket has asked of the kernel: up to two requests. Main
// receives, again and again until it is cancelled, and poll tells of each change to
// writable, or of the peer's hang-up (multishot).
type uringSource struct {
	p     *uringPoller // nil: no slot, and no request with the kernel
	owner *uringSocket
	h     Handle
	slot  uint32
	in    Interest
	main  requestState
	poll  requestState

	pollMask uint32 // what the poll request asks for
	readable bool   // poll said so, and no read came back empty since
	writable bool   // the same of writes
	ended    bool   // poll said that the peer sends no more
	hup      bool
	added    bool
	closing  bool // release when the last request has ended
	changed  bool // on the poller's list of that name
	listed   bool // on the poller's ready list
	late     bool // closed, but not all was sent
}

func (s *uringSource) readiness() (ready Interest, hup bool) {
	if !s.added {
		return 0, false
	}
	if s.in&Readable != 0 && s.owner.input() {
		ready |= Readable
	}
	if s.in&Writable != 0 && s.writable {
		ready |= Writable
	}
	return ready, s.hup
}

// settle makes and cancels requests so that they fit the interest.
func (s *uringSource) settle() error {
	if s.p == nil {
		return nil
	}
	if !s.added {
		return s.leave()
	}
	read := s.in&Readable != 0
	if !read {
		s.owner.rest()
	}
	switch wants := read && s.owner.wants(); {
	case wants && s.main == requestNone:
		e, err := s.fly(&s.main, uringMain)
		if err != nil {
			return err
		}
		s.owner.request(e)
	case !wants:
		if err := s.cancel(&s.main, uringMain); err != nil {
			return err
		}
	}
	return s.settlePoll(read)
}

// settlePoll: a receive tells of the hang-up too, so only who is not reading
// has to be told of it by poll.
func (s *uringSource) settlePoll(read bool) error {
	mask := uint32(0)
	if s.in&Writable != 0 || s.owner.waiting() {
		mask |= unix.POLLOUT
	}
	how := uint32(pollMultishot)
	if read && s.owner.polls() {
		switch {
		case mask != 0 || (s.poll != requestNone && s.pollMask == unix.POLLIN):
			mask |= unix.POLLIN
		case !s.readable && !s.ended:
			// Asked for anew each time, so that a peer that writes much in small
			// pieces wakes us once, not for each.
			mask, how = unix.POLLIN, 0
		}
	}
	switch {
	case s.poll != requestNone:
		if mask != s.pollMask {
			return s.cancel(&s.poll, uringPoll) // its end brings us back here
		}
		return nil
	case mask == 0 && (read || s.hup), mask == unix.POLLOUT && s.writable && !s.owner.waiting():
		return nil
	}
	e, err := s.fly(&s.poll, uringPoll)
	if err != nil {
		return err
	}
	s.pollMask = mask
	e.opcode, e.fd, e.len, e.opFlags = opPollAdd, int32(s.owner.Descriptor()), how, pollMask(mask)
	return nil
}

// fly begins a request.
func (s *uringSource) fly(state *requestState, op uringOp) (*sqe, error) {
	e, err := s.p.ring.request()
	if err != nil {
		return nil, err
	}
	if state != nil {
		*state = requestFlying
	}
	s.p.flying++
	e.userData = s.p.name(s, op)
	return e, nil
}

func (s *uringSource) cancel(state *requestState, op uringOp) error {
	if *state != requestFlying {
		return nil
	}
	e, err := s.p.ring.request()
	if err != nil {
		return err
	}
	*state = requestCancelled
	e.opcode, e.flags, e.fd, e.addr = opAsyncCancel, sqeSkipSuccess, -1, s.p.name(s, op)
	e.userData = s.p.name(s, uringCancel)
	return nil
}

// cancelFailed is told of a cancellation that found nothing to cancel, because
// the last answer came before it, or that came at a bad moment and is repeated.
func (s *uringSource) cancelFailed(res int32) {
	if unix.Errno(-res) != unix.EALREADY {
		return
	}
	if s.main == requestCancelled {
		s.main = requestFlying
	}
	if s.poll == requestCancelled {
		s.poll = requestFlying
	}
	s.p.change(s)
}

// leave ends the requests of a source that was removed, and then gives its slot
// back. Only then may its descriptor be closed.
func (s *uringSource) leave() error {
	s.owner.rest()
	if err := s.cancel(&s.main, uringMain); err != nil {
		return err
	}
	if s.closing && s.owner.waiting() {
		s.in = Writable
		s.p.linger(s)
		return s.settlePoll(false)
	}
	if err := s.cancel(&s.poll, uringPoll); err != nil {
		return err
	}
	if s.main == requestNone && s.poll == requestNone && !s.owner.busy() {
		s.p.detach(s)
		if s.closing {
			s.owner.release()
		}
	}
	return nil
}

// polled takes an answer to the poll request. Being edge-triggered it comes once
// for each change, unasked also when the peer has finished sending (POLLRDHUP).
func (s *uringSource) polled(res int32) {
	switch {
	case res == -int32(unix.ECANCELED):
		return
	case res < 0: // the next call will tell why
		s.hup, s.writable, s.ended = true, true, true
		return
	}
	if res&(unix.POLLERR|unix.POLLHUP) != 0 {
		s.hup, s.writable, s.ended = true, true, true
	}
	if res&unix.POLLRDHUP != 0 {
		s.ended = true
	}
	if res&unix.POLLOUT != 0 {
		s.writable = true
	}
	if res&unix.POLLIN != 0 {
		s.readable = true
	}
	if s.writable {
		s.owner.flush()
	}
}

// close closes the descriptor now, or when the kernel is done with it.
func (s *uringSource) close() {
	if s.closing {
		return
	}
	s.closing, s.added = true, false
	if s.p == nil {
		s.owner.release()
		return
	}
	s.p.change(s)
}

// endNow ends the requests at once, at the price of system calls.
func (s *uringSource) endNow() error {
	p := s.p
	for range uringCloseRounds {
		if s.p == nil {
			return nil
		}
		if err := s.settle(); err != nil {
			return err
		}
		if s.p == nil || s.late {
			return nil
		}
		if err := p.enter(1, uringCloseTime); err != nil {
			return err
		}
	}
	return nil
}
