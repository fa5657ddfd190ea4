package http1

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// generator makes random valid requests together with their transcripts, so
// the expected events do not come from the parser.
type generator struct {
	*rand.Rand
	in, want strings.Builder
}

func (g *generator) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g *generator) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[g.IntN(len(alphabet))]
	}
	return string(b)
}

func (g *generator) request() {
	method := g.pick("GET", "POST", "PUT", "X-M")
	target := "/" + g.text("ab/%.-_~:@!$", g.IntN(30))
	if g.IntN(2) == 0 {
		target += "?" + g.text("ab=&?/", g.IntN(20))
	}
	host := g.pick("a", "b.example:80", "[::1]:8080")
	minor := g.IntN(2)
	if g.IntN(8) == 0 {
		g.in.WriteString(g.pick("\r\n", "\r\n\r\n"))
	}
	fmt.Fprintf(&g.in, "%s %s HTTP/1.%d\r\nHost:%s%s\r\n", method, target, minor, g.pick("", " ", "\t"), host)
	fmt.Fprintf(&g.want, "%s %s 1.%d host=%s", method, target, minor, host)
	var fields []string
	for range g.IntN(8) {
		name := "X" + g.text("abcXYZ-_09", g.IntN(20))
		value := strings.Trim(g.text("abc ,;=\"\t\xe4", g.IntN(60)), " \t")
		fields = append(fields, "{"+name+": "+value+"}")
		fmt.Fprintf(&g.in, "%s:%s%s%s\r\n", name, g.pick("", " ", " \t"), value, g.pick("", " "))
	}
	body := g.text("ab\r\n0\x00\xff", g.IntN(3)*g.IntN(200))
	framing := g.IntN(3)
	switch {
	case framing == 0 && minor == 1:
		fields = append(fields, "{Transfer-Encoding: chunked}")
		g.in.WriteString("Transfer-Encoding: chunked\r\n\r\n" + g.chunks(body))
		g.want.WriteString(" chunked")
	case framing == 1:
		body = ""
		g.in.WriteString("\r\n")
		g.want.WriteString(" len=0")
	default:
		fields = append(fields, fmt.Sprintf("{Content-Length: %d}", len(body)))
		fmt.Fprintf(&g.in, "Content-Length: %d\r\n\r\n%s", len(body), body)
		fmt.Fprintf(&g.want, " len=%d", len(body))
	}
	if minor == 1 {
		g.want.WriteString(" keep")
	}
	for _, f := range fields {
		g.want.WriteString(" " + f)
	}
	if body != "" {
		fmt.Fprintf(&g.want, "\nbody %q", body)
	}
	g.want.WriteString("\nend\n")
}

func (g *generator) chunks(body string) string {
	var b strings.Builder
	for body != "" {
		n := 1 + g.IntN(len(body))
		fmt.Fprintf(&b, g.pick("%x", "%X", "0%x")+"%s\r\n%s\r\n", n, g.pick("", ";a", " ; b=\"c\""), body[:n])
		body = body[n:]
	}
	b.WriteString(g.pick("0\r\n\r\n", "00;x\r\n\r\n", "0\r\nT: u\r\nV:\r\n\r\n"))
	return b.String()
}

// cut splits a stream at random places; most pieces are short.
func (g *generator) cut(in []byte) (pieces [][]byte) {
	for len(in) > 0 {
		n := min(len(in), 1+g.IntN(1+g.IntN(200)))
		pieces = append(pieces, in[:n])
		in = in[n:]
	}
	return pieces
}

func TestRandomSplits(t *testing.T) {
	for seed := range uint64(300) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
		for range 1 + g.IntN(6) {
			g.request()
		}
		in, want := []byte(g.in.String()), g.want.String()
		runs := [][][]byte{{in}, bytewise(string(in)), g.cut(in), g.cut(in), g.cut(in)}
		for i, pieces := range runs {
			if got := drive(t, Limits{}, pieces...); got != want {
				t.Fatalf("seed %d, run %d: drive(%q)\n got %s\nwant %s", seed, i, in, indent(got), indent(want))
			}
		}
	}
}

// Slices of a Head lead into its own memory, though that moved while the head
// came in, and an append to one does not write into the next.
func TestHeadSlicesAfterGrowth(t *testing.T) {
	var in strings.Builder
	in.WriteString("GET /path?query HTTP/1.1\r\nHost: host\r\n")
	for i := range 90 {
		fmt.Fprintf(&in, "Name-%d: %s\r\n", i, strings.Repeat(string(rune('a'+i%26)), 3*i))
	}
	in.WriteString("Content-Length: 3\r\n\r\nabc")
	var p Parser
	var h Head
	lim := Limits{}
	p.Init(&lim)
	p.Begin(&h)
	for _, piece := range bytewise(in.String()) {
		if _, _, err := p.Feed(piece); err != nil {
			t.Fatal(err)
		}
		piece[0] = 0xDD
	}
	if len(h.Fields) != 92 {
		t.Fatalf("%d fields, want 92", len(h.Fields))
	}
	for i := range 90 {
		f := h.Fields[i+1]
		name, value := fmt.Sprintf("Name-%d", i), strings.Repeat(string(rune('a'+i%26)), 3*i)
		if string(f.Name) != name || string(f.Value) != value {
			t.Errorf("field %d: %q: %q, want %q: %q", i, f.Name, f.Value, name, value)
		}
	}
	before := show(&h)
	grown := [][]byte{h.Method, h.Target, h.Path, h.Query, h.Authority}
	for _, f := range h.Fields {
		grown = append(grown, f.Name, f.Value)
	}
	for _, b := range grown {
		_ = append(b, "XXXXXXXX"...)
	}
	if after := show(&h); after != before {
		t.Errorf("an append to one slice changed another: %s, was %s", after, before)
	}
}

// A head that is used again shows nothing of the request before.
func TestReusedHead(t *testing.T) {
	rich := "OPTIONS http://secret:1/p?q HTTP/1.1\r\nHost: x\r\nA: b\r\nC: d\r\nExpect: 100-continue\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
	for _, plain := range []string{
		"GET / HTTP/1.0\r\n\r\n",
		"OPTIONS * HTTP/1.0\r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /? HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\n\r\n",
	} {
		alone := drive(t, Limits{}, []byte(plain))
		after := drive(t, Limits{}, []byte(rich+plain))
		if !strings.HasSuffix(after, "\nend\n"+alone) {
			t.Errorf("%q after another: %s\nalone: %s", plain, indent(after), indent(alone))
		}
	}
	// A request that was given up half way leaves nothing either.
	var p Parser
	var h Head
	lim := Limits{}
	p.Init(&lim)
	for n := range len(rich) {
		p.Begin(&h)
		if _, _, err := p.Feed([]byte(rich[:n])); err != nil {
			t.Fatal(err)
		}
		p.End()
		p.Begin(&h)
		if _, ev, err := p.Feed([]byte("GET / HTTP/1.0\r\n\r\n")); ev != HeadComplete || err != nil {
			t.Fatalf("after %q: %v, %v", rich[:n], ev, err)
		}
		if got, want := show(&h), "GET / 1.0 host= len=0"; got != want || len(h.Fields) != 0 || h.Query != nil || h.Authority != nil {
			t.Fatalf("after %q: %s, want %s", rich[:n], got, want)
		}
	}
}

// Pieces are parts of what was fed, not copies.
func TestContentIsNotCopied(t *testing.T) {
	in := []byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde")
	var p Parser
	var h Head
	lim := Limits{}
	p.Init(&lim)
	p.Begin(&h)
	n, ev, err := p.Feed(in)
	if ev != HeadComplete || err != nil {
		t.Fatalf("Feed = %d, %v, %v; want the head", n, ev, err)
	}
	rest := in[n:]
	if n, ev, err = p.Feed(rest); n != 5 || ev != Content || err != nil || !bytes.Equal(p.Piece, rest) || &p.Piece[0] != &rest[0] {
		t.Errorf("Feed(%q) = %d, %v, %v, Piece %q; want its own 5 octets", rest, n, ev, err, p.Piece)
	}
	if n, ev, err = p.Feed(nil); n != 0 || ev != Complete || err != nil {
		t.Errorf("Feed(nil) = %d, %v, %v; want Complete", n, ev, err)
	}
}

// Content that goes past the parser is counted by Skip.
func TestSkip(t *testing.T) {
	var p Parser
	var h Head
	lim := Limits{}
	p.Init(&lim)
	for _, tt := range []struct {
		in   string
		left int64
	}{
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", 3},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 0},
		{"GET / HTTP/1.1\r\n", 0},
	} {
		p.Begin(&h)
		for b := []byte(tt.in); len(b) > 0; {
			n, _, err := p.Feed(b)
			if err != nil {
				t.Fatal(err)
			}
			b = b[n:]
		}
		if got := p.Left(); got != tt.left {
			t.Errorf("%q: Left = %d, want %d", tt.in, got, tt.left)
		}
		if tt.left == 0 {
			continue
		}
		p.Skip(tt.left - 1)
		if n, ev, err := p.Feed(nil); n != 0 || ev != NeedMore || err != nil || p.Left() != 1 {
			t.Errorf("%q, all but one octet skipped: %d, %v, %v, Left %d", tt.in, n, ev, err, p.Left())
		}
		p.Skip(1)
		if n, ev, err := p.Feed(nil); n != 0 || ev != Complete || err != nil {
			t.Errorf("%q, skipped: %d, %v, %v; want Complete", tt.in, n, ev, err)
		}
	}
}

func TestStateQuestions(t *testing.T) {
	var p Parser
	var h Head
	lim := Limits{}
	p.Init(&lim)
	expect := func(when string, inHead, started bool) {
		t.Helper()
		if p.InHead() != inHead || p.Started() != started {
			t.Errorf("%s: InHead %v, Started %v; want %v, %v", when, p.InHead(), p.Started(), inHead, started)
		}
	}
	feed := func(in string) {
		t.Helper()
		for b := []byte(in); len(b) > 0; {
			n, _, err := p.Feed(b)
			if err != nil {
				t.Fatal(err)
			}
			b = b[n:]
		}
	}
	expect("idle", false, false)
	p.Begin(&h)
	expect("begun", true, false)
	feed("G")
	expect("one octet", true, true)
	feed("ET / HTTP/1.1\r\n")
	expect("request line", true, true)
	feed("Host: a\r\nContent-Length: 2\r\n\r\n")
	expect("head", false, true)
	feed("ab")
	expect("content", false, true)
	p.End()
	expect("ended", false, false)
	for s := range numStates {
		if s.String() == "" {
			t.Errorf("state %d has no name", s)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Feed without Begin does not panic")
		}
	}()
	_, _, _ = p.Feed([]byte("x"))
}
