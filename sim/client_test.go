package sim

import (
	"time"
)

// client is one connection of a client with its requests.
type client struct {
	w     *world
	name  string
	link  *link
	wake  time.Time
	reqs  []*request
	depth int // how many requests may be under way

	sending int // index of the request being sent
	off     int // octets of it that are sent
	got     int // whole answers
	resp    response
	// vanishAt: goes away after so many octets sent and received; -1: stays.
	vanishAt int
	moved    int
	halfway  bool // shuts its side when everything is sent
	stays    bool // waits for sluice to close, to see that nothing else comes
	told     bool // an answer said Connection: close
	ignores  bool // looks at nothing more
	done     bool
}

func (w *world) newClient(i int) *client {
	c := &client{w: w, name: "client" + string(rune('A'+i%26)), depth: 1, vanishAt: -1, stays: w.oneIn(3)}
	n := 1 + w.rng.IntN(4)
	for j := range n {
		c.reqs = append(c.reqs, w.newRequest(j == n-1))
	}
	if w.oneIn(3) {
		c.depth = 1 + w.rng.IntN(n)
	}
	if w.faulty && w.oneIn(4) {
		total := 0
		for _, r := range c.reqs {
			_, body := r.want()
			total += len(r.wire) + len(body) + 200
		}
		c.vanishAt = w.rng.IntN(total)
	}
	c.halfway = w.faulty && w.oneIn(10)
	c.wake = w.now.Add(w.upTo(30 * time.Millisecond))
	return c
}

func (c *client) step() {
	if c.done || c.w.now.Before(c.wake) {
		return
	}
	if c.link == nil {
		if c.link = c.w.connect(c.name); c.link == nil {
			c.finish("is refused")
		}
		return
	}
	if c.vanishAt >= 0 && c.moved >= c.vanishAt {
		c.link.hangup()
		if c.w.oneIn(2) {
			c.link.abort()
		}
		c.finish("vanishes")
		return
	}
	if c.w.full || c.w.oneIn(2) {
		c.send()
	}
	if c.w.full || c.w.oneIn(2) {
		c.recv()
	}
	if c.done {
		return
	}
	if c.w.oneIn(30) {
		c.wake = c.w.now.Add(c.w.pause())
	}
}

// upToVanishing bounds a step so that every octet can be the last.
func (c *client) upToVanishing(n int) int {
	if c.vanishAt >= 0 {
		return max(1, min(n, c.vanishAt-c.moved))
	}
	return n
}

func (c *client) send() {
	if c.sending == len(c.reqs) || c.sending-c.got >= c.depth || c.told {
		return
	}
	rest := c.reqs[c.sending].wire[c.off:]
	n, err := c.link.send(rest[:c.upToVanishing(c.w.short(len(rest)))])
	if err != nil {
		c.sending = len(c.reqs) // what has come can still be read
		return
	}
	c.off += n
	c.moved += n
	if n == len(rest) {
		c.sending++
		c.off = 0
	}
	if c.halfway && c.sending == len(c.reqs) {
		c.link.shutdown()
	}
}

func (c *client) recv() {
	b, err := c.link.recv(c.upToVanishing(c.w.short(128 << 10)))
	c.moved += len(b)
	if err != nil {
		c.broken(err)
		return
	}
	if len(b) == 0 || c.ignores {
		return
	}
	c.resp.buf = append(c.resp.buf, b...)
	c.answers(nil)
	if c.got == len(c.reqs) && !c.stays {
		c.link.hangup()
		c.finish("is content")
	}
}

// answers looks at all that are there.
func (c *client) answers(end error) {
	for c.got < len(c.reqs) {
		r := c.reqs[c.got]
		whole, err := c.resp.parse(r.method == "HEAD", end)
		if err != nil {
			c.w.failf("%s, request %d: %v", c.name, r.token, err)
		}
		if !whole {
			return
		}
		if c.got > c.sending || (c.got == c.sending && c.off == 0 && c.sending < len(c.reqs)) {
			c.w.failf("%s: answer before request %d was sent", c.name, r.token)
		}
		c.check(r)
		c.got++
		c.told = c.resp.close
		if c.resp.status == 408 && r.method == "HEAD" {
			// A head that was cut off may not have said that yet.
			c.ignores, c.resp.buf = true, nil
			return
		}
		c.resp.next()
		if c.told {
			break
		}
	}
	if len(c.resp.buf) > 0 {
		c.w.failf("%s: octets behind the last answer: %.100q", c.name, c.resp.buf)
	}
}

// broken is the connection's end.
func (c *client) broken(err error) {
	if c.got < len(c.reqs) && !c.told {
		c.answers(err)
	}
	if c.got < len(c.reqs) && !c.told && !c.w.mayBreak() {
		c.w.failf("%s: connection ended (%v) after %d of %d answers, with nothing wrong", c.name, err, c.got, len(c.reqs))
	}
	c.link.hangup()
	c.finish("sees the end: " + err.Error())
}

func (c *client) finish(how string) {
	c.done = true
	c.w.move("%s %s after %d of %d answers", c.name, how, c.got, len(c.reqs))
}
