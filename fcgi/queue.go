package fcgi

import "time"

// Ticket is an Asker's place in the queue; embed it in what asks.
type Ticket struct {
	asker  Asker
	at     int64
	number uint64 // first come, first served
	want   Want
	drawn  *branch // by choose, without a connection that was ready
	queued bool
	prev   *Ticket
	next   *Ticket
}

// Waiting tells whether the ticket is in the queue.
func (t *Ticket) Waiting() bool { return t.queued }

// picky tickets do not take every server.
func (t *Ticket) picky() bool { return t.want.Server != "" || t.want.Avoid != "" }

// Cancel takes t out of the queue.
func (lp *Local) Cancel(t *Ticket) {
	if t.queued {
		lp.dequeue(t)
	}
}

func (lp *Local) enqueue(t *Ticket) { lp.insert(t, lp.last, nil) }

// putBack gives t the place that its number says, for it has been granted before and
// came to nothing. Nearly all others are younger.
func (lp *Local) putBack(t *Ticket) {
	next := lp.first
	for next != nil && next.number < t.number {
		next = next.next
	}
	prev := lp.last
	if next != nil {
		prev = next.prev
	}
	lp.insert(t, prev, next)
}

// putFirst puts back a ticket that was taken out of the queue.
func (lp *Local) putFirst(t *Ticket) { lp.insert(t, nil, lp.first) }

func (lp *Local) insert(t, prev, next *Ticket) {
	t.queued, t.prev, t.next = true, prev, next
	if prev != nil {
		prev.next = t
	} else {
		lp.first = t
	}
	if next != nil {
		next.prev = t
	} else {
		lp.last = t
	}
	lp.queued++
	if t.picky() {
		lp.picky++
	}
	lp.pool.waiting.Add(1)
	lp.queueChanged()
}

func (lp *Local) dequeue(t *Ticket) {
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		lp.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		lp.last = t.prev
	}
	t.queued, t.prev, t.next = false, nil, nil
	lp.queued--
	if t.picky() {
		lp.picky--
	}
	lp.pool.waiting.Add(-1)
	lp.queueChanged()
}

func (lp *Local) queueChanged() {
	if lp.first == nil {
		lp.oldest.Store(0)
		lp.queueTimer.Stop()
		return
	}
	lp.oldest.Store(lp.first.at)
	if !lp.queueTimer.Armed() {
		lp.l.Arm(&lp.queueTimer, lp.pool.opts.QueueTime)
	}
}

// firstFor is the first request that may use a connection to b: first come,
// first served.
func (lp *Local) firstFor(b *branch) *Ticket {
	if lp.picky == 0 {
		return lp.first
	}
	n := 0
	for t := lp.first; t != nil && n < pickyTicketsMax; t, n = t.next, n+1 {
		if lp.mayUse(b, t) {
			return t
		}
	}
	return nil
}

// expire refuses whoever has waited too long.
func (lp *Local) expire() {
	limit := lp.l.Now() - int64(lp.pool.opts.QueueTime)
	for t := lp.first; t != nil && t.at <= limit; t = lp.first {
		lp.dequeue(t)
		t.asker.Refused(ErrQueueTime)
	}
	if lp.first != nil {
		lp.l.Arm(&lp.queueTimer, time.Duration(lp.first.at-limit))
	}
}

func (lp *Local) refuseAll(err error) {
	for t := lp.first; t != nil; t = lp.first {
		lp.dequeue(t)
		t.asker.Refused(err)
	}
}
