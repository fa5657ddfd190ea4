package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// response is a client's own reading of what comes, independent of http1.
type response struct {
	buf    []byte
	status int
	fields map[string]string // nil: no head yet
	body   []byte
	close  bool
	used   int // octets of buf that belong to this response
}

// next makes ready for the response behind.
func (p *response) next() { *p = response{buf: p.buf[p.used:]} }

// parse tells whether the response is whole. end is how the connection ended,
// nil while it has not.
func (p *response) parse(head bool, end error) (whole bool, err error) {
	for p.fields == nil {
		i := bytes.Index(p.buf, []byte("\r\n\r\n"))
		if i < 0 {
			return false, nil
		}
		if err := p.readHead(string(p.buf[:i])); err != nil {
			return false, err
		}
		p.buf = p.buf[i+4:]
		if p.status == 100 {
			p.fields = nil
		}
	}
	p.close = strings.EqualFold(p.fields["connection"], "close")
	length, hasLength := p.fields["content-length"]
	switch {
	case head || p.status == 204 || p.status == 304:
		p.used = 0
		return true, nil
	case p.fields["transfer-encoding"] == "chunked":
		return p.chunked()
	case hasLength:
		n, err := strconv.Atoi(length)
		if err != nil || n < 0 {
			return false, fmt.Errorf("Content-Length %q", length)
		}
		if len(p.buf) < n {
			return false, nil
		}
		p.body, p.used = p.buf[:n], n
		return true, nil
	}
	p.close = true
	p.body, p.used = p.buf, len(p.buf)
	return errors.Is(end, io.EOF), nil
}

func (p *response) readHead(text string) error {
	lines := strings.Split(text, "\r\n")
	if _, err := fmt.Sscanf(lines[0], "HTTP/1.1 %d ", &p.status); err != nil {
		return fmt.Errorf("status line %.100q", lines[0])
	}
	p.fields = map[string]string{}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ": ")
		name = strings.ToLower(name)
		if _, twice := p.fields[name]; !ok || twice {
			return fmt.Errorf("field line %.100q", line)
		}
		p.fields[name] = value
	}
	return nil
}

func (p *response) chunked() (bool, error) {
	b := p.buf
	var body []byte
	for {
		i := bytes.Index(b, []byte("\r\n"))
		if i < 0 {
			return false, nil
		}
		n, err := strconv.ParseUint(string(b[:i]), 16, 31)
		if err != nil {
			return false, fmt.Errorf("chunk size %.40q", b[:i])
		}
		b = b[i+2:]
		if len(b) < int(n)+2 {
			return false, nil
		}
		if string(b[n:n+2]) != "\r\n" {
			return false, fmt.Errorf("no CRLF behind a chunk: %.40q", b[n:])
		}
		body = append(body, b[:n]...)
		b = b[n+2:]
		if n == 0 {
			p.body, p.used = body, len(p.buf)-len(b)
			return true, nil
		}
	}
}

// check compares a whole answer with what the request must get.
func (c *client) check(r *request) {
	p, w := &c.resp, c.w
	w.move("%s has the answer to %d: %d, %d octets", c.name, r.token, p.status, len(p.body))
	status, body := r.want()
	token, hasToken := p.fields["x-token"]
	if hasToken && token != strconv.Itoa(r.token) {
		w.failf("%s: request %d got the answer to %s", c.name, r.token, token)
	}
	if p.status != status {
		script := r.file < 0 && (p.status == 502 || p.status == 503 || p.status == 504) && !hasToken
		if w.faulty && (script || p.status == 408) {
			return
		}
		w.failf("%s: request %d (%s, kind %d) got %d, not %d: %.200q", c.name, r.token, r.method, r.kind, p.status, status, p.body)
	}
	if r.file < 0 && !hasToken {
		w.failf("%s: the answer to %d has no token", c.name, r.token)
	}
	if r.file < 0 && r.runs == 0 {
		w.failf("%s: request %d was answered and never run", c.name, r.token)
	}
	if r.method == "HEAD" {
		return
	}
	if !bytes.Equal(p.body, body) {
		w.failf("%s: request %d (kind %d) got %d octets, not its %d", c.name, r.token, r.kind, len(p.body), len(body))
	}
}
