package fcgi

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sluice/loop"
)

// checks are the requests that Health.Path asks for. The pool's first loop makes
// them, for all.
type checks struct {
	lp    *Local
	timer loop.Timer
	every map[*server]*check // those under way
}

// Why a check failed.
var (
	errCheckTime = errors.New("fcgi: health check: no answer in time")
	errNoPermit  = errors.New("fcgi: health check: no connection to be had")
)

func (lp *Local) beginChecks() {
	k := &checks{lp: lp, every: map[*server]*check{}}
	lp.checks = k
	k.timer.Init(k.run)
	lp.l.Post(func() {
		if !lp.ending {
			k.run()
		}
	})
}

func (lp *Local) endChecks() {
	if lp.checks == nil {
		return
	}
	lp.l.Forget(&lp.checks.timer)
	for _, c := range lp.checks.every {
		c.giveUp()
	}
}

func (k *checks) run() {
	for _, b := range k.lp.branches {
		k.begin(b)
	}
	k.lp.l.Arm(&k.timer, k.lp.pool.opts.Health.Interval)
}

// begin checks a server, unless all its connections are at work: then requests
// find out how it is.
func (k *checks) begin(b *branch) {
	if k.every[b.s] != nil || b.s.at() == asking {
		return
	}
	c := &check{k: k, s: b.s}
	c.ticket = Ticket{asker: c, at: k.lp.l.Now(), want: Want{Check: true}}
	c.limit.Init(c.late)
	k.every[b.s] = c
	k.lp.l.Arm(&c.limit, k.lp.pool.opts.Health.Time)
	if !b.serve(&c.ticket) && (b.s.at() == multi && b.shared > 0 || !b.dial(&c.ticket)) {
		c.forget()
		k.lp.reclaimOf(b.s) // for the next time
	}
}

// check is one request to Health.Path. It implements Asker and Stream.
type check struct {
	k      *checks
	s      *server
	ticket Ticket
	ch     Channel
	limit  loop.Timer
	out    []byte
	over   bool
}

// Granted implements Asker.
func (c *check) Granted(ch Channel) Stream {
	if c.over { // it took too long to connect
		ch.Kill()
		return c
	}
	c.ch = ch
	path, query, _ := strings.Cut(c.k.lp.pool.opts.Health.Path, "?")
	w := BeginParams(AppendBeginRequest(nil, ch.ID(), Responder, KeepConn), ch.ID())
	for _, pair := range [...][2]string{
		{"GATEWAY_INTERFACE", "CGI/1.1"},
		{"SERVER_PROTOCOL", "HTTP/1.1"},
		{"REQUEST_METHOD", "GET"},
		{"SCRIPT_NAME", path},
		{"SCRIPT_FILENAME", path},
		{"REQUEST_URI", c.k.lp.pool.opts.Health.Path},
		{"QUERY_STRING", query},
		{"SERVER_NAME", "localhost"},
		{"SERVER_PORT", "80"},
		{"REMOTE_ADDR", "127.0.0.1"},
		{"REDIRECT_STATUS", "200"},
	} {
		w.AddString(pair[0], pair[1])
	}
	ch.Write(AppendHeader(w.End(), Stdin, ch.ID(), 0, 0))
	ch.StdinDone()
	return c
}

// Refused implements Asker.
func (c *check) Refused(err error) { c.finish(err) }

// Stdout implements Stream.
func (c *check) Stdout(p []byte) {
	c.out = append(c.out, p[:min(len(p), checkAnswerBytesMax-len(c.out))]...)
}

// Stderr implements Stream.
func (c *check) Stderr([]byte) {}

// Turn implements Stream.
func (c *check) Turn() {}

// Drained implements Stream.
func (c *check) Drained() {}

// Ended implements Stream.
func (c *check) Ended(end EndRequestBody) {
	c.ch = nil
	if end.ProtocolStatus != RequestComplete {
		c.finish(fmt.Errorf("fcgi: health check: END_REQUEST with protocolStatus %v", end.ProtocolStatus))
		return
	}
	c.finish(healthy(c.out))
}

// Failed implements Stream.
func (c *check) Failed(err error) {
	c.ch = nil
	c.finish(err)
}

func (c *check) late() {
	c.giveUp()
	c.finish(errCheckTime)
}

func (c *check) giveUp() {
	if ch := c.ch; ch != nil {
		c.ch = nil
		ch.Kill()
	}
}

func (c *check) forget() {
	c.over = true
	c.k.lp.l.Forget(&c.limit)
	delete(c.k.every, c.s)
}

func (c *check) finish(err error) {
	if c.over {
		return
	}
	c.forget()
	lp := c.k.lp
	if errors.Is(err, errNoPermit) || errors.Is(err, loop.ErrBusy) || errors.Is(err, loop.ErrStopped) {
		return // that says nothing
	}
	was := c.s.health.openUntil.Load()
	c.s.health.checked(lp.l.Now(), err)
	if was != 0 && err == nil {
		lp.pool.wake()
	}
}

// healthy looks at a response head (RFC 3875 §6.3): it must be there, and not
// tell of an error.
func healthy(out []byte) error {
	for len(out) > 0 {
		line, rest, ok := bytes.Cut(out, []byte("\n"))
		if !ok {
			break
		}
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			return nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("status")) {
			text := string(bytes.TrimSpace(value))
			number, _, _ := strings.Cut(text, " ")
			if code, err := strconv.Atoi(number); err != nil || code >= 400 {
				return fmt.Errorf("fcgi: health check: status %.40q", text)
			}
		}
		out = rest
	}
	return errors.New("fcgi: health check: the answer has no whole head")
}
