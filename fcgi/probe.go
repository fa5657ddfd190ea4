package fcgi

import "strconv"

// values is what a backend answers to GET_VALUES (§4.1). What it left out is 0.
type values struct {
	maxConns, maxReqs int32
	multiplexes       bool
}

// appendGetValues asks for all that §4.1 names.
func appendGetValues(dst []byte) []byte {
	var pairs []byte
	for _, name := range []string{"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"} {
		pairs = AppendPair(pairs, name, "")
	}
	return AppendRecord(dst, GetValues, 0, pairs)
}

// parseValues reads GET_VALUES_RESULT's content. Other names, and numbers that
// are none, are passed over.
func parseValues(content []byte) (v values, err error) {
	for len(content) > 0 {
		name, value, n, err := ConsumePair(content)
		if err != nil {
			return values{}, err
		}
		content = content[n:]
		number, err := strconv.ParseInt(string(value), 10, 32)
		if err != nil || number < 0 {
			continue
		}
		switch string(name) {
		case "FCGI_MAX_CONNS":
			v.maxConns = int32(number)
		case "FCGI_MAX_REQS":
			v.maxReqs = int32(number)
		case "FCGI_MPXS_CONNS":
			v.multiplexes = number == 1
		}
	}
	return v, nil
}

// ask sends GET_VALUES on a new connection. Requests wait meanwhile.
func (c *Conn) ask() {
	c.become(probing)
	c.c.Write(appendGetValues(nil))
	c.limit.Init(func() { c.asked(single, nil) })
	c.lp.l.Arm(&c.limit, askTime)
}

// answered looks for GET_VALUES_RESULT; its padding belongs to it, and nothing
// may follow.
func (c *Conn) answered(p []byte) {
	for len(p) > 0 {
		n, ev, ok, err := c.dec.Next(p)
		p = p[n:]
		switch {
		case err == nil && !ok:
			continue
		case err == nil && ev.Type == GetValuesResult && len(ev.Content) == 0 && c.said != nil:
			continue // Go's net/http/fcgi ends it like a stream
		case err == nil && ev.Type == GetValuesResult && ev.ID == 0 && c.said == nil:
			var v values
			if v, err = parseValues(ev.Content); err == nil && v.multiplexes {
				c.said = &v
				continue
			}
		}
		c.asked(single, nil) // no, or UNKNOWN_TYPE, or nonsense
		return
	}
	if c.said != nil && c.dec.Between() {
		c.asked(multi, c.said)
	}
}

// asked ends the probe. Where requests do not share a connection this one is
// not used: php closes it after its answer, and others may be confused.
func (c *Conn) asked(n nature, v *values) {
	s := c.b.s
	c.lp.l.Forget(&c.limit)
	if v != nil {
		s.maxConns.Store(v.maxConns)
		s.maxReqs.Store(v.maxReqs)
		s.health.ok(c.lp.l.Now())
	}
	if !s.nature.CompareAndSwap(uint32(asking), uint32(n)) {
		n = single // SetServers has changed the mode
	}
	if n == multi {
		c.lp.connected(c)
	} else {
		c.closeProbe()
	}
	c.lp.pool.wake()
}

// closeProbe closes the connection, and has a check that waited for it go on.
func (c *Conn) closeProbe() {
	own := c.own
	c.close()
	if own != nil && !c.b.dial(own) {
		own.asker.Refused(errNoPermit)
	}
}
