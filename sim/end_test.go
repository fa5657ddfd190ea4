package sim

import (
	"runtime"
	"time"
)

// conns is the number of connections that sluice has open.
func (w *world) conns() int {
	n := 0
	for _, l := range w.loops {
		n += l.Conns()
	}
	return n
}

// quiet: the clients are done, and sluice knows it.
func (w *world) quiet() bool {
	for _, c := range w.clients {
		if !c.done {
			return false
		}
	}
	for _, k := range w.workers {
		if k.link != nil && (k.begun || k.deaf || k.link.closed || len(k.link.out.buf) > 0) {
			return false
		}
	}
	for _, l := range w.dialed {
		if l.connecting || len(l.in.buf) > 0 {
			return false
		}
	}
	return w.conns() == w.pool.InUse() && w.pool.Waiting() == 0 && len(w.backlog) == 0
}

// stuck says what hangs.
func (w *world) stuck() {
	for _, c := range w.clients {
		if !c.done {
			w.failf("nothing will ever happen again, and %s has %d of %d answers (sent %d and %d octets, %d octets read)", c.name, c.got, len(c.reqs), c.sending, c.off, len(c.resp.buf))
		}
	}
	w.failf("nothing will ever happen again; %d connections open, %d of them to workers, %d requests wait, %d dialed links wait", w.conns(), w.pool.InUse(), w.pool.Waiting(), len(w.backlog))
}

// end checks what is left, and closes it.
func (w *world) end() {
	w.checkPool()
	w.full = true
	w.drain()
	closed := make(chan struct{})
	go func() {
		w.srv.Close()
		close(closed)
	}()
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		for _, l := range w.loops {
			if err := l.Turn(); err != nil {
				w.failf("%v", err)
			}
		}
		select {
		case <-closed:
			w.now = w.now.Add(time.Minute) // all time limits together
			for range 3 {
				for _, l := range w.loops {
					_ = l.Turn()
				}
			}
			if n := w.conns() + w.pool.InUse() + w.pool.Waiting(); n != 0 {
				w.failf("after Close %d connections, %d permits and %d waiting requests are left", w.conns(), w.pool.InUse(), w.pool.Waiting())
			}
			return
		default:
		}
		if time.Now().After(deadline) {
			w.failf("Close does not end")
		}
	}
}
