package http1

import (
	"strings"
	"testing"
)

const (
	wrkHead     = "GET /hello.php HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
	browserHead = "GET /wp-content/themes/twentytwentyfive/style.css?ver=1.2 HTTP/1.1\r\n" +
		"Host: www.example.org\r\n" +
		"Connection: keep-alive\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36\r\n" +
		"Accept: text/css,*/*;q=0.1\r\n" +
		"Sec-Fetch-Site: same-origin\r\n" +
		"Sec-Fetch-Mode: no-cors\r\n" +
		"Referer: https://www.example.org/2026/11/hello-world/\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n" +
		"Cookie: wp-settings-time-1=1763700000; wordpress_test_cookie=WP%20Cookie%20check\r\n\r\n"
	uploadHead = "POST /wp-admin/async-upload.php HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
)

// serve feeds one connection's stream and counts the requests.
func serve(tb testing.TB, p *Parser, h *Head, in []byte) (requests int) {
	p.Begin(h)
	for {
		n, ev, err := p.Feed(in)
		if err != nil {
			tb.Fatal(err)
		}
		in = in[n:]
		switch ev {
		case Complete:
			requests++
			p.Begin(h)
		case NeedMore:
			return requests
		case HeadComplete, Content:
		}
	}
}

// In steady state a request costs no memory: Parser and Head are used again.
func TestNoAllocations(t *testing.T) {
	for _, tt := range []struct{ name, in string }{
		{"small", wrkHead},
		{"browser", browserHead},
		{"pipelined", strings.Repeat(browserHead, 5) + wrkHead},
		{"chunked", uploadHead + "5;a=b\r\nabcde\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\n" + wrkHead},
		{"length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde" + wrkHead},
		{"absolute", "GET http://b/?q HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"options", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p Parser
			var h Head
			lim := Limits{}
			p.Init(&lim)
			in := []byte(tt.in)
			want := strings.Count(tt.in, " HTTP/1.1\r\n")
			allocs := testing.AllocsPerRun(100, func() {
				if got := serve(t, &p, &h, in); got != want {
					t.Fatalf("%d requests, want %d", got, want)
				}
			})
			if allocs != 0 {
				t.Errorf("%q: %v allocations, want 0", tt.in, allocs)
			}
		})
	}
	// A refusal costs none either: whoever floods us with them gains nothing.
	t.Run("refused", func(t *testing.T) {
		var p Parser
		var h Head
		lim := Limits{}
		p.Init(&lim)
		in := []byte("GET / HTTP/1.1\r\nHost : a\r\n\r\n")
		allocs := testing.AllocsPerRun(100, func() {
			p.Begin(&h)
			if _, _, err := p.Feed(in); err != errFieldName {
				t.Fatalf("error %v, want %v", err, errFieldName)
			}
		})
		if allocs != 0 {
			t.Errorf("%v allocations, want 0", allocs)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, bb := range []struct{ name, in string }{
		{"browser", browserHead},
		{"wrk", wrkHead},
		{"chunked", uploadHead + "2000\r\n" + strings.Repeat("x", 0x2000) + "\r\n0\r\n\r\n"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var p Parser
			var h Head
			lim := Limits{}
			p.Init(&lim)
			in := []byte(bb.in)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if serve(b, &p, &h, in) != 1 {
					b.Fatal("not one request")
				}
			}
		})
	}
}
