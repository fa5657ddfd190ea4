package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// answerKind says what a script does.
type answerKind uint8

const (
	plain      answerKind = iota // no length is said
	declared                     // with Content-Length
	notFound                     // a status of its own
	noContent                    // 204
	accelFile                    // X-Accel-Redirect to a file
	withStderr                   // STDERR in between
	// From here on the answer is wrong, and the client must notice.
	noHead     // END_REQUEST and nothing else
	tooShort   // less than Content-Length
	overloaded // protocolStatus OVERLOADED
	numKinds
)

// request is one request, and what has become of it.
type request struct {
	token  int
	method string
	file   int // of the static files; -1: a script
	body   []byte
	wire   []byte
	http10 bool
	close  bool // the client asks for it

	kind answerKind
	size int

	runs int // how often a worker began to answer it
}

// content is what the answer to a token must be.
func content(token, n int) []byte {
	b := make([]byte, 0, n+24)
	for len(b) < n {
		b = append(strconv.AppendInt(append(strconv.AppendInt(b, int64(token), 10), ':'), int64(len(b)), 10), '\n')
	}
	return b[:n]
}

const files = 8

func fileContent(i int) []byte {
	return content(-1-i, []int{0, 1, 700, 5000, 20000, 70000, 300000, 33}[i])
}

// want is the whole right answer's status and content.
func (r *request) want() (status int, body []byte) {
	if r.file >= 0 {
		return 200, fileContent(r.file)
	}
	switch r.kind {
	case notFound:
		return 404, content(r.token, r.size)
	case noContent:
		return 204, nil
	case accelFile:
		return 200, fileContent(r.size % files)
	case plain, declared, withStderr, tooShort: // tooShort can't be whole
		return 200, content(r.token, r.size)
	case noHead, overloaded, numKinds:
	}
	return 0, nil
}

// newRequest makes one up.
func (w *world) newRequest(last bool) *request {
	r := &request{token: len(w.requests) + 1, method: "GET", file: -1}
	w.requests = append(w.requests, r)
	if w.oneIn(4) {
		r.file = w.rng.IntN(files)
	}
	switch w.rng.IntN(8) {
	case 0:
		r.method = "HEAD"
	case 1, 2, 3:
		if r.file < 0 {
			r.method = "POST"
			r.body = content(r.token, w.size())
		}
	}
	r.kind = answerKind(w.rng.IntN(int(noHead)))
	if w.faulty && w.oneIn(10) {
		r.kind = noHead + answerKind(w.rng.IntN(int(numKinds-noHead)))
	}
	r.size = w.size()
	r.http10 = last && w.oneIn(4)
	r.close = last && w.oneIn(3)
	r.encode(w)
	return r
}

// size of an answer or of content: mostly small, sometimes over every mark.
func (w *world) size() int {
	switch w.rng.IntN(12) {
	case 0:
		return 0
	case 1, 2:
		return w.rng.IntN(40 << 10)
	case 3:
		return w.rng.IntN(600 << 10)
	default:
		return w.rng.IntN(2000)
	}
}

func (r *request) encode(w *world) {
	var b bytes.Buffer
	target := fmt.Sprintf("/run.php/%d%s", r.token, []string{"", "", "?q"}[w.rng.IntN(3)])
	if r.file >= 0 {
		target = fmt.Sprintf("/f%d.txt", r.file)
	}
	minor := 1
	if r.http10 {
		minor = 0
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.%d\r\nHost: sim.example\r\n", r.method, target, minor)
	if w.oneIn(6) {
		fmt.Fprintf(&b, "X-Long: %s\r\n", strings.Repeat("x", w.rng.IntN(3000)))
	}
	if r.close {
		b.WriteString("Connection: close\r\n")
	}
	chunked := r.method == "POST" && !r.http10 && w.oneIn(3)
	switch {
	case chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n")
	case r.method == "POST":
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	if r.method == "POST" && !r.http10 && w.oneIn(4) {
		b.WriteString("Expect: 100-continue\r\n")
	}
	b.WriteString("\r\n")
	if !chunked {
		b.Write(r.body)
		r.wire = b.Bytes()
		return
	}
	for rest := r.body; len(rest) > 0; {
		n := 1 + w.rng.IntN(len(rest))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	b.WriteString("0\r\n\r\n")
	r.wire = b.Bytes()
}
