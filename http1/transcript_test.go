package http1

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A transcript is what a parser said about a stream of requests, one line per
// happening, independent of how the stream was cut:
//
//	GET /a?b 1.1 host=h len=0 keep {accept: x}
//	body "…"
//	end
//	error 400 …
//	more fieldLines
//
// The driver poisons what it fed, so a slice that outlives Feed shows.
type transcript struct {
	t     testing.TB
	out   strings.Builder
	body  []byte
	shown string // the head as it was at HeadComplete
}

// drive feeds the pieces to one parser with one reused Head.
func drive(t testing.TB, lim Limits, pieces ...[]byte) string {
	t.Helper()
	var p Parser
	var h Head
	p.Init(&lim)
	p.Begin(&h)
	tr := &transcript{t: t}
	for _, piece := range pieces {
		fed := slices.Clone(piece)
		if !tr.feed(&p, &h, fed) {
			return tr.out.String()
		}
		for i := range fed {
			fed[i] = 0xDD
		}
	}
	if p.Started() || len(tr.body) > 0 {
		tr.check(&p, &h)
		fmt.Fprintf(&tr.out, "more %v\n", p.state)
	}
	return tr.out.String()
}

// feed tells whether the connection may go on.
func (tr *transcript) feed(p *Parser, h *Head, fed []byte) bool {
	for {
		n, ev, err := p.Feed(fed)
		if n < 0 || n > len(fed) {
			tr.t.Fatalf("Feed(%q) = %d octets of %d", fed, n, len(fed))
		}
		if err != nil {
			tr.flush()
			fmt.Fprintf(&tr.out, "error %d %s\n", err.Status, err.Msg)
			return false
		}
		switch ev {
		case HeadComplete:
			tr.shown = show(h)
			tr.out.WriteString(tr.shown + "\n")
		case Content:
			if len(p.Piece) == 0 {
				tr.t.Fatal("Content with an empty Piece")
			}
			tr.body = append(tr.body, p.Piece...)
		case Complete:
			tr.check(p, h)
			tr.flush()
			tr.out.WriteString("end\n")
			p.Begin(h)
		case NeedMore:
			if n != len(fed) {
				tr.t.Fatalf("NeedMore with %d of %d octets taken", n, len(fed))
			}
			return true
		}
		fed = fed[n:]
	}
}

func (tr *transcript) flush() {
	if len(tr.body) > 0 {
		fmt.Fprintf(&tr.out, "body %q\n", tr.body)
		tr.body = tr.body[:0]
	}
}

// check: whatever came after the head, the head is still what it was.
func (tr *transcript) check(p *Parser, h *Head) {
	if !p.InHead() && show(h) != tr.shown {
		tr.t.Errorf("head has changed: %s, was %s", show(h), tr.shown)
	}
}

func show(h *Head) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", h.Method, h.Path)
	if h.HasQuery {
		fmt.Fprintf(&b, "?%s", h.Query)
	}
	fmt.Fprintf(&b, " 1.%d host=%s", h.Minor, h.Authority)
	if h.Chunked {
		b.WriteString(" chunked")
	} else {
		fmt.Fprintf(&b, " len=%d", h.ContentLength)
	}
	if h.KeepAlive {
		b.WriteString(" keep")
	}
	if h.Expect100 {
		b.WriteString(" expect")
	}
	for _, f := range h.Fields {
		if n := strings.ToLower(string(f.Name)); n != "host" {
			fmt.Fprintf(&b, " {%s: %s}", f.Name, f.Value)
		}
	}
	return b.String()
}

// bytewise cuts a stream into single octets.
func bytewise(in string) [][]byte {
	pieces := make([][]byte, len(in))
	for i := range len(in) {
		pieces[i] = []byte{in[i]}
	}
	return pieces
}

const (
	nextIn   = "GET /next HTTP/1.1\r\nHost: t\r\n\r\n"
	nextSaid = "GET /next 1.1 host=t len=0 keep\nend\n"
)

// testTranscript runs one case whole, octet by octet, and with a pipelined
// request behind it, which must be found exactly where the case ends.
func testTranscript(t *testing.T, lim Limits, in, want string) {
	t.Helper()
	behind := want + nextSaid
	if strings.HasPrefix(lastLine(want), "error ") {
		behind = want // what follows a bad request is never looked at
	}
	for _, run := range []struct {
		how, want string
		pieces    [][]byte
	}{
		{"whole", want, [][]byte{[]byte(in)}},
		{"bytewise", want, bytewise(in)},
		{"pipelined", behind, [][]byte{[]byte(in + nextIn)}},
		{"pipelined bytewise", behind, bytewise(in + nextIn)},
	} {
		if got := drive(t, lim, run.pieces...); got != run.want {
			t.Errorf("%s: drive(%.300q)\n got %s\nwant %s", run.how, in, indent(got), indent(run.want))
		}
	}
}

func lastLine(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return s[strings.LastIndexByte(s, '\n')+1:]
}

func indent(s string) string { return strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n     ") }

// said is the transcript of one refused request.
func said(err *Error) string { return fmt.Sprintf("error %d %s\n", err.Status, err.Msg) }
