package loop

import "time"

// Timer calls a function on its loop at a deadline. It is made to be embedded
// in what it guards and to be re-armed with every request: moving a deadline
// later only stores it, the heap learns of it when the old one comes up.
//
// Invariant: queued means heap[pos] == t and heap[pos].at <= t.deadline.
type Timer struct {
	fn       func()
	deadline int64 // ns of the loop's clock; 0 = disarmed
	at       int64 // the key under which the heap holds it
	pos      int32 // index in the heap, plus one; 0 = not queued
}

// Init sets what the timer calls. To be done once, before Loop.Arm.
func (t *Timer) Init(fn func()) { t.fn = fn }

// Armed tells whether the timer has a deadline.
func (t *Timer) Armed() bool { return t.deadline != 0 }

// Stop disarms the timer. Its place in the heap is given back when the old
// deadline comes up, or by Loop.Forget.
func (t *Timer) Stop() { t.deadline = 0 }

// Arm makes t fire once, d from now.
func (l *Loop) Arm(t *Timer, d time.Duration) {
	if d < 1 {
		d = 1
	}
	t.deadline = l.now + int64(d)
	switch {
	case t.pos == 0:
		t.at = t.deadline
		l.timers.push(t)
	case t.deadline < t.at:
		t.at = t.deadline
		l.timers.up(int(t.pos - 1))
	}
}

// Forget takes a timer out of the heap, so that what it is embedded in can be
// freed or used again.
func (l *Loop) Forget(t *Timer) {
	t.deadline = 0
	if t.pos != 0 {
		l.timers.remove(int(t.pos - 1))
	}
}

// timerHeap is a binary heap by Timer.at.
type timerHeap []*Timer

func (h *timerHeap) push(t *Timer) {
	*h = append(*h, t)
	t.pos = int32(len(*h))
	h.up(len(*h) - 1)
}

func (h timerHeap) set(i int, t *Timer) {
	h[i] = t
	t.pos = int32(i + 1)
}

func (h timerHeap) up(i int) {
	t := h[i]
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].at <= t.at {
			break
		}
		h.set(i, h[parent])
		i = parent
	}
	h.set(i, t)
}

func (h timerHeap) down(i int) {
	t := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].at < h[child].at {
			child++
		}
		if h[child].at >= t.at {
			break
		}
		h.set(i, h[child])
		i = child
	}
	h.set(i, t)
}

func (h *timerHeap) remove(i int) {
	old := *h
	gone, last := old[i], old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	gone.pos = 0
	if gone == last {
		return
	}
	h.set(i, last)
	h.up(i)
	h.down(int(last.pos - 1))
}

// next is how long the loop may wait; negative for ever.
func (h timerHeap) next(now int64) time.Duration {
	if len(h) == 0 {
		return -1
	}
	if h[0].at <= now {
		return 0
	}
	return time.Duration(h[0].at - now)
}

// fire runs what is due. A deadline that moved later goes back into the heap.
func (h *timerHeap) fire(now int64) {
	for len(*h) > 0 && (*h)[0].at <= now {
		t := (*h)[0]
		switch {
		case t.deadline == 0:
			h.remove(0)
		case t.deadline > now:
			t.at = t.deadline
			h.down(0)
		default:
			t.deadline = 0
			h.remove(0)
			t.fn()
		}
	}
}
