package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/fcgi"
)

// worker behaves like a php-cgi process: one connection at a time, which it
// keeps between requests; it looks at nothing while it runs a script.
type worker struct {
	w    *world
	name string
	link *link
	wake time.Time // it does nothing before

	// The request; zero between requests.
	dec     fcgi.Decoder
	header  []byte // of the record that is being read
	content int    // still to be read of it
	begun   bool
	id      uint16
	params  []byte
	stdin   []byte
	req     *request

	out   []byte // of the answer, not yet sent
	dieAt int    // dies with so much of out left; -1: it does not
	early bool   // answers without having read STDIN
	deaf  bool   // its writes fail: it only reads until sluice closes
	quit  bool   // closes when next idle
}

// unread is how much of a record is still to come, its header first: php reads
// no further, so that what follows a request waits in the socket.
func (k *worker) unread() int {
	if n := len(k.header); n < fcgi.HeaderBytes {
		return fcgi.HeaderBytes - n
	}
	return k.content
}

// note keeps unread right.
func (k *worker) note(b []byte) {
	if len(k.header) < fcgi.HeaderBytes {
		if k.header = append(k.header, b...); len(k.header) == fcgi.HeaderBytes {
			k.content = int(binary.BigEndian.Uint16(k.header[4:])) + int(k.header[6])
		}
	} else {
		k.content -= len(b)
	}
	if len(k.header) == fcgi.HeaderBytes && k.content == 0 {
		k.header = k.header[:0]
	}
}

// step does one thing, if there is any to do.
func (k *worker) step() {
	switch {
	case k.w.now.Before(k.wake):
	case k.link == nil:
		k.accept()
	case len(k.out) > 0:
		k.write()
	case k.quit && !k.begun:
		k.leave(k.link.hangup)
	default:
		k.read()
	}
}

func (k *worker) accept() {
	if len(k.w.backlog) == 0 {
		return
	}
	k.link = k.w.backlog[0]
	k.w.backlog = k.w.backlog[1:]
	k.w.move("%s accepts %s", k.name, k.link.name)
}

// leave ends the connection; how says whether by a reset.
func (k *worker) leave(how func()) {
	how()
	*k = worker{w: k.w, name: k.name, wake: k.wake}
}

// die is a crash: the process is started again after a while.
func (k *worker) die() {
	k.w.move("%s dies", k.name)
	how := k.link.hangup
	if k.w.oneIn(3) {
		how = k.link.abort
	}
	k.leave(how)
	k.wake = k.w.now.Add(k.w.upTo(50 * time.Millisecond))
}

func (k *worker) read() {
	b, err := k.link.recv(k.w.short(k.unread()))
	switch {
	case err != nil:
		if k.req != nil && !k.deaf && k.w.hasty {
			k.w.failf("%s: request %d lost its connection within its content, and php would run it with %d of %d octets", k.name, k.req.token, len(k.stdin), len(k.req.body))
		}
		k.leave(k.link.hangup)
		return
	case len(b) == 0:
		return
	case k.deaf:
		return
	case k.w.faulty && k.w.oneIn(60):
		k.die()
		return
	}
	k.note(b)
	for len(b) > 0 && k.link != nil {
		n, ev, ok, err := k.dec.Next(b)
		b = b[n:]
		if err != nil {
			k.w.failf("%s: %v", k.name, err)
		}
		if ok {
			k.event(ev)
		}
	}
}

func (k *worker) event(ev fcgi.Event) {
	switch ev.Type {
	case fcgi.BeginRequest:
		if k.begun {
			k.w.failf("%s: BEGIN_REQUEST within a request", k.name)
		}
		k.begun, k.id = true, ev.ID
	case fcgi.Params:
		k.mustWait(ev)
		k.params = append(k.params, ev.Content...)
		if !ev.EOF {
			return
		}
		k.started()
		if k.early = k.w.faulty && k.w.oneIn(12); k.early {
			k.run()
		}
	case fcgi.Stdin:
		if k.early || !k.begun { // nobody reads it any more
			return
		}
		k.mustWait(ev)
		k.stdin = append(k.stdin, ev.Content...)
		if !ev.EOF {
			return
		}
		k.run()
	case fcgi.AbortRequest: // the script is over: nothing to abort
	case fcgi.EndRequest, fcgi.Stdout, fcgi.Stderr, fcgi.Data, fcgi.GetValues, fcgi.GetValuesResult, fcgi.UnknownType:
		k.w.failf("%s: %v from sluice", k.name, ev.Type)
	}
}

// mustWait: nothing may follow the end of STDIN but ABORT_REQUEST.
func (k *worker) mustWait(ev fcgi.Event) {
	if !k.begun || len(k.out) > 0 {
		k.w.failf("%s: %v behind the end of a request", k.name, ev.Type)
	}
}

// started finds out which request it is.
func (k *worker) started() {
	pairs := map[string]string{}
	for b := k.params; len(b) > 0; {
		name, value, n, err := fcgi.ConsumePair(b)
		if err != nil {
			k.w.failf("%s: %v", k.name, err)
		}
		pairs[string(name)] = string(value)
		b = b[n:]
	}
	token, err := strconv.Atoi(strings.TrimPrefix(pairs["PATH_INFO"], "/"))
	if err != nil || token < 1 || token > len(k.w.requests) {
		k.w.failf("%s: PATH_INFO %q", k.name, pairs["PATH_INFO"])
	}
	k.req = k.w.requests[token-1]
	if m := pairs["REQUEST_METHOD"]; m != k.req.method {
		k.w.failf("%s: request %d came as %s, not %s", k.name, token, m, k.req.method)
	}
	if n := pairs["CONTENT_LENGTH"]; k.req.method == "POST" && n != strconv.Itoa(len(k.req.body)) {
		k.w.failf("%s: request %d has CONTENT_LENGTH %q, not %d", k.name, token, n, len(k.req.body))
	}
}

// run is the script.
func (k *worker) run() {
	r := k.req
	if !k.early && !bytes.Equal(k.stdin, r.body) {
		k.w.failf("%s: request %d was run with %d octets of content, not its %d", k.name, r.token, len(k.stdin), len(r.body))
	}
	r.runs++
	if r.method == "POST" && r.runs > 1 {
		k.w.failf("%s: POST %d is run again", k.name, r.token)
	}
	k.w.move("%s runs %d", k.name, r.token)
	k.out = k.answer(r)
	k.dieAt = -1
	if k.w.faulty && k.w.oneIn(6) {
		k.dieAt = k.w.rng.IntN(len(k.out) + 1)
	}
	k.wake = k.w.now.Add(k.w.pause())
}

// answer is the whole answer's records.
func (k *worker) answer(r *request) []byte {
	status, body := r.want()
	head := fmt.Sprintf("X-Token: %d\r\n", r.token)
	switch r.kind {
	case declared:
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	case tooShort:
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body)+1+k.w.rng.IntN(100))
	case accelFile:
		head += fmt.Sprintf("X-Accel-Redirect: /f%d.txt\r\n", r.size%files)
		body = []byte("not to be seen")
	case notFound, noContent:
		head += fmt.Sprintf("Status: %d\r\n", status)
	case plain, withStderr, noHead, overloaded, numKinds:
	}
	head += "Content-Type: text/plain\r\n\r\n"
	stdout := append([]byte(head), body...)
	if r.kind == noHead || r.kind == overloaded {
		stdout = nil
	}
	var out []byte
	for len(stdout) > 0 {
		n := 1 + k.w.rng.IntN(min(len(stdout), 65535))
		out = fcgi.AppendRecord(out, fcgi.Stdout, k.id, stdout[:n])
		stdout = stdout[n:]
		if r.kind == withStderr && k.w.oneIn(3) {
			out = fcgi.AppendRecord(out, fcgi.Stderr, k.id, []byte("Notice: something"))
		}
	}
	if k.w.oneIn(2) {
		out = fcgi.AppendHeader(out, fcgi.Stdout, k.id, 0, 0)
	}
	end := fcgi.RequestComplete
	if r.kind == overloaded {
		end = fcgi.Overloaded
	}
	return fcgi.AppendEndRequest(out, k.id, 0, end)
}

func (k *worker) write() {
	n := k.w.short(len(k.out))
	if k.dieAt >= 0 {
		if n = min(n, len(k.out)-k.dieAt); n == 0 {
			k.die()
			return
		}
	}
	n, err := k.link.send(k.out[:n])
	if err != nil { // the script ends; what sluice still sends is read
		k.w.move("%s: %v", k.name, err)
		k.out, k.deaf = nil, true
		return
	}
	k.out = k.out[n:]
	if k.w.oneIn(20) {
		k.wake = k.w.now.Add(k.w.pause())
	}
	if len(k.out) == 0 {
		if k.dieAt == 0 {
			k.die()
			return
		}
		k.ended()
	}
}

// ended makes it ready for the next request, or has it close soon.
func (k *worker) ended() {
	*k = worker{w: k.w, name: k.name, link: k.link, dec: k.dec, header: k.header, content: k.content}
	if k.w.faulty && k.w.oneIn(8) {
		k.quit, k.wake = true, k.w.now.Add(k.w.upTo(20*time.Millisecond))
	}
}
