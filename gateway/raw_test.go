package gateway

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// raw is a request as it is on the wire. This reader shares no code with fcgi: it
// is written from the specification alone.
type raw struct {
	id      uint16
	role    uint16
	flags   byte
	params  map[string][]string
	stdin   []byte
	data    []byte
	records []string // their types in order, repeated ones once
}

func (q *raw) is(token string) bool {
	v := q.params["QUERY_STRING"]
	return len(v) == 1 && v[0] == token
}

// readRaw reads a whole request of any role: an Authorizer's ends with PARAMS
// (§6.3), a Responder's with STDIN (§6.2), a Filter's with DATA (§6.4).
func readRaw(r *bufio.Reader) (*raw, error) {
	q := &raw{params: map[string][]string{}}
	var pairs []byte
	for {
		var h [8]byte
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return nil, err
		}
		id := binary.BigEndian.Uint16(h[2:])
		body := make([]byte, int(binary.BigEndian.Uint16(h[4:]))+int(h[6]))
		if _, err := io.ReadFull(r, body); err != nil {
			return nil, err
		}
		body = body[:len(body)-int(h[6])]
		if h[0] != 1 || (q.id != 0 && id != q.id) {
			return nil, fmt.Errorf("record %v within request %d", h, q.id)
		}
		name := [...]string{"0", "BEGIN", "ABORT", "END", "PARAMS", "STDIN", "6", "7", "DATA", "9", "10", "11"}[h[1]]
		if len(body) == 0 {
			name += "-"
		}
		if n := len(q.records); n == 0 || q.records[n-1] != name {
			q.records = append(q.records, name)
		}
		switch name {
		case "BEGIN":
			q.id, q.role, q.flags = id, binary.BigEndian.Uint16(body), body[2]
		case "PARAMS":
			pairs = append(pairs, body...)
		case "PARAMS-":
			q.pairs(pairs)
		case "STDIN":
			q.stdin = append(q.stdin, body...)
		case "DATA":
			q.data = append(q.data, body...)
		}
		if name == map[uint16]string{1: "STDIN-", 2: "PARAMS-", 3: "DATA-"}[q.role] {
			return q, nil
		}
	}
}

func (q *raw) pairs(b []byte) {
	length := func() int {
		n := int(b[0])
		if n < 128 {
			b = b[1:]
			return n
		}
		n = int(binary.BigEndian.Uint32(b) & 0x7fffffff)
		b = b[4:]
		return n
	}
	for len(b) > 0 {
		n := length()
		v := length()
		name := string(b[:n])
		q.params[name] = append(q.params[name], string(b[n:n+v]))
		b = b[n+v:]
	}
}

// answer is a whole response on the wire.
func (q *raw) answer(stdout string) []byte {
	var b []byte
	record := func(t byte, s string) {
		b = append(b, 1, t, byte(q.id>>8), byte(q.id), byte(len(s)>>8), byte(len(s)), 0, 0)
		b = append(b, s...)
	}
	for len(stdout) > 60_000 {
		record(6, stdout[:60_000])
		stdout = stdout[60_000:]
	}
	record(6, stdout)
	record(6, "")
	record(3, "\x00\x00\x00\x00\x00\x00\x00\x00")
	return b
}

// rawly serves requests of any role; an empty answer breaks off.
func rawly(serve func(q *raw) string) func(p *peer) {
	return func(p *peer) {
		for {
			q, err := readRaw(p.r)
			if err != nil {
				return
			}
			out := "Content-Type: text/plain\r\n\r\nhealthy"
			if !q.is("healthy") {
				out = serve(q)
			}
			if half, cut := strings.CutSuffix(out, "CUT"); cut {
				b := q.answer(half)
				_, _ = p.Write(b[:len(b)-16]) // without END_REQUEST
				return
			}
			if _, err := p.Write(q.answer(out)); err != nil {
				return
			}
		}
	}
}
