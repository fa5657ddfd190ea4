package front

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice/http1"
	"sluice/loop"
	"sluice/site"
)

func TestKeepAlive(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		c := w.dial()
		for i := range 20 {
			c.send(get("/a.txt"))
			if a := c.expect("GET", 200); a.body != "static a" || a.close || a.header.Get("Server") != "sluice" || a.header.Get("Date") == "" {
				t.Fatalf("static: %+v", a)
			}
			c.send(get(fmt.Sprint("/hello.php?n=", i)))
			if a := c.expect("GET", 200); a.body != fmt.Sprint("hello ", i) || a.close || len(a.header["Date"]) != 1 {
				t.Fatalf("script: %+v", a)
			}
		}
		if n := w.open(); n != 1 {
			t.Errorf("%d connections", n)
		}
		c.send(get("/a.txt", "Connection: close"))
		if a := c.expect("GET", 200); !a.close {
			t.Error("Connection: close is not answered by the same")
		}
		c.ends()
		c = w.dial()
		c.send(get("/hello.php", "Connection: close"))
		if a := c.expect("GET", 200); !a.close {
			t.Error("script: Connection: close is not answered by the same")
		}
		c.ends()
	})
}

// Server is the front's unless a site's rules are about it; it never stands there
// twice, whatever a script says.
func TestServerField(t *testing.T) {
	for want, rules := range map[string]site.Rules{
		"[sluice]": {}, "[]": {Remove: []string{"server"}}, "[mine]": {Set: []site.Header{{Name: "SERVER", Value: "mine"}}},
	} {
		w := newWorld(t, loop.Portable, change{site: func(o *site.Options) { o.Headers = rules }})
		c := w.dial()
		for _, target := range []string{"/a.txt", "/hello.php", "/none"} {
			c.send(get(target))
			a, err := c.read("GET")
			if got := fmt.Sprint(a.header["Server"]); err != nil || got != want || len(a.header["Date"]) != 1 {
				t.Errorf("%s: Server %s, want %s; Date %q; %v", target, got, want, a.header["Date"], err)
			}
		}
	}
}

func TestHTTP10(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		for _, target := range []string{"/a.txt", "/hello.php?n=1", "/none", "/medium.bin"} {
			c := w.dial()
			c.send("GET " + target + " HTTP/1.0\r\n\r\n")
			if a, err := c.read("GET"); err != nil || !a.close || a.chunked {
				t.Errorf("%s: %+v, %v", target, a.header, err)
			}
			c.ends()
			c = w.dial()
			for range 3 {
				c.send("GET " + target + " HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
				if a, err := c.read("GET"); err != nil || a.close || a.chunked || !strings.EqualFold(a.header.Get("Connection"), "keep-alive") {
					t.Errorf("%s, kept: %+v, %v", target, a.header, err)
				}
			}
		}
		// Content of unknown length ends with the connection.
		c := w.dial()
		c.send("GET /big.php?n=300000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		if a := c.expect("GET", 200); a.body != string(pattern(300000)) || a.chunked || a.length != -1 {
			t.Errorf("unknown length: %d octets, length %d, chunked %v", len(a.body), a.length, a.chunked)
		}
		c.ends()
	})
}

func TestUnknownLengthIsChunked(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		c := w.dial()
		for _, n := range []int{0, 1, 100, 40_000, 300_000, 3_000_000} {
			c.send(get(fmt.Sprint("/big.php?n=", n)))
			a := c.expect("GET", 200)
			if a.body != string(pattern(n)) {
				t.Fatalf("%d octets: got %d", n, len(a.body))
			}
			if n > 1_000_000 && !a.chunked {
				t.Errorf("%d octets are not chunked", n)
			}
		}
		c.stillOpen()
	})
}

func TestHead(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		c := w.dial()
		for target, length := range map[string]string{"/a.txt": "8", "/big.bin": fmt.Sprint(len(bigFile)), "/none": "", "/sub": ""} {
			c.send(request("HEAD", target))
			a, err := c.read("HEAD")
			if err != nil || a.body != "" || (length != "" && a.header.Get("Content-Length") != length) || a.header.Get("Content-Length") == "" {
				t.Errorf("%s: %d %+v, %v", target, a.status, a.header, err)
			}
		}
		for _, target := range []string{"/hello.php?n=1", "/big.php?n=300000", "/len.php?n=0&said=77"} {
			c.send(request("HEAD", target))
			if a := c.expect("HEAD", 200); a.body != "" || a.chunked {
				t.Errorf("%s: %+v", target, a.header)
			}
		}
		c.stillOpen()
	})
}

// A script's own Content-Length is kept to: more is cut, less breaks.
func TestScriptLength(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		c := w.dial()
		c.send(get("/len.php?n=100&said=100"))
		if a := c.expect("GET", 200); a.length != 100 || a.body != string(pattern(100)) {
			t.Errorf("exact: %d %q", a.length, a.body)
		}
		c.send(get("/len.php?n=100&said=30"))
		if a := c.expect("GET", 200); a.length != 30 || a.body != string(pattern(30)) {
			t.Errorf("too much: %d %q", a.length, a.body)
		}
		c.send(get("/len.php?n=30&said=100"))
		c.expect("GET", 502)
		c.send(get("/len.php?n=300000&said=300001"))
		if a, err := c.read("GET"); err == nil {
			t.Errorf("a response cut short looks whole: %d, %d octets", a.status, len(a.body))
		}
		c = w.dial()
		c.send(get("/len.php?n=300000&said=200000"))
		if a := c.expect("GET", 200); a.length != 200000 || a.body != string(pattern(200000)) {
			t.Errorf("large and too much: length %d, %d octets", a.length, len(a.body))
		}
		c.stillOpen()
	})
}

// RFC 9110 §8.6: "A server MUST NOT send Content-Length in such a response unless its
// field value equals the decimal number of octets that would have been sent in the
// content of a 200 (OK) response to the same request." What a script prints beside a
// 304 is not that.
func TestNotModifiedByScript(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		c := w.dial()
		for _, method := range []string{"GET", "HEAD"} {
			for _, say := range []string{"", "ab"} {
				c.send(strings.Replace(get("/same.php?say="+say), "GET", method, 1))
				a := c.expect(method, 304)
				if lines := a.header["Content-Length"]; len(lines) > 0 || len(a.header["Transfer-Encoding"]) > 0 || a.body != "" {
					t.Errorf("%s, %q: %q %q", method, say, a.header, a.body)
				}
			}
		}
		c.stillOpen()
	})
}

func TestPipelining(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		for _, pause := range []int{0, 3} {
			c := w.dial()
			var all strings.Builder
			for i := range 60 {
				switch i % 6 {
				case 0, 4:
					all.WriteString(get("/a.txt"))
				case 1:
					all.WriteString(get(fmt.Sprint("/hello.php?n=", i)))
				case 2:
					all.WriteString(post("/echo.php", fmt.Sprint("content ", i)))
				case 3:
					all.WriteString(request("POST", "/echo.php", "Transfer-Encoding: chunked") + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: r\r\n\r\n")
				case 5:
					all.WriteString(get("/medium.bin"))
				}
			}
			go func() {
				text := all.String()
				if pause > 0 { // in the middle of requests
					for len(text) > 0 {
						n := min(len(text), 501)
						_, _ = io.WriteString(c.c, text[:n])
						text = text[n:]
						time.Sleep(time.Duration(pause) * time.Millisecond / 3)
					}
					return
				}
				_, _ = io.WriteString(c.c, text)
			}()
			for i := range 60 {
				want := [...]string{"static a", fmt.Sprint("hello ", i), fmt.Sprintf("POST %d <nil>\ncontent %d", len(fmt.Sprint("content ", i)), i), "POST 5 <nil>\nabcde", "static a", string(mediumFile)}[i%6]
				if a := c.expect("GET", 200); a.body != want {
					t.Fatalf("response %d: %.80q, want %.80q", i, a.body, want)
				}
			}
			c.stillOpen()
		}
	})
}

func TestTargets(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{site: func(o *site.Options) { o.Names = []string{"test"} }})
		c := w.dial()
		c.send("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n")
		if a := c.expect("OPTIONS", 200); a.header.Get("Allow") == "" || a.length != 0 {
			t.Errorf("OPTIONS *: %+v", a)
		}
		c.send(request("TRACE", "/a.txt", "Cookie: secret"))
		if a := c.expect("TRACE", 405); strings.Contains(a.body, "secret") {
			t.Errorf("TRACE tells: %q", a.body)
		}
		c.send("CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n")
		c.expect("GET", 405) // a client that got 2xx to CONNECT would read no content
		c.send("GET http://test/a.txt HTTP/1.1\r\nHost: other\r\n\r\n")
		if a := c.expect("GET", 200); a.body != "static a" {
			t.Errorf("absolute-form: %q", a.body)
		}
		c.send("GET http://other/a.txt HTTP/1.1\r\nHost: test\r\n\r\n")
		c.expect("GET", 421)
		c.send("GET /a.txt HTTP/1.1\r\nHost: unknown\r\n\r\n")
		c.expect("GET", 421)
		c.stillOpen()
	})
}

// A request that can't be understood gets an answer that arrives, although the
// client is still sending, and nothing after it is taken for a request.
func TestRefusedRequests(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{front: func(o *Options) {
			o.HTTP1 = http1.Limits{RequestLineBytes: 1000, HeadBytes: 4000, FieldLines: 10}
		}})
		for _, tt := range []struct {
			name, head string
			status     int
		}{
			{"line", "GET /" + strings.Repeat("a", 1100) + " HTTP/1.1\r\nHost: test\r\n\r\n", 414},
			{"head", get("/a.txt", "X: "+strings.Repeat("a", 4100)), 431},
			{"fields", get("/a.txt", strings.Split(strings.TrimSuffix(strings.Repeat("X: y\n", 11), "\n"), "\n")...), 431},
			{"nonsense", "\x16\x03\x01 nonsense\r\n\r\n", 400},
			{"no host", "GET /a.txt HTTP/1.1\r\n\r\n", 400},
			{"two lengths", "POST /a.txt HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
			{"length and coding", "POST /a.txt HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
			{"version", "GET / HTTP/2.0\r\n\r\n", 505},
			{"bad chunk", request("POST", "/echo.php", "Transfer-Encoding: chunked") + "zz\r\n", 400},
			{"expectation", get("/a.txt", "Expect: magic"), 417},
		} {
			t.Run(tt.name, func(t *testing.T) {
				c := w.dial()
				c.t = t
				c.send(get("/a.txt"))
				c.expect("GET", 200)
				c.send(tt.head)
				sent := make(chan int)
				go func() { // a client that sends on
					n := 0
					for range 40 {
						k, err := io.WriteString(c.c, strings.Repeat("GET /b.txt HTTP/1.1\r\nHost: test\r\n\r\n", 300))
						if n += k; err != nil {
							break
						}
					}
					sent <- n
				}()
				a := c.expect("GET", tt.status)
				if !a.close || a.length <= 0 {
					t.Errorf("close %v, length %d", a.close, a.length)
				}
				<-sent
				if b, _ := io.ReadAll(c.r); len(b) > 0 {
					t.Errorf("more was answered: %.80q", b)
				}
			})
		}
		eventually(t, "all connections closed", func() bool { return w.open() == 0 })
	})
}

// However the octets of requests are cut, the answers are the same.
func TestSplits(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		text := get("/a.txt") + post("/echo.php", "some content here") + request("HEAD", "/b.txt") +
			request("POST", "/echo.php", "Transfer-Encoding: chunked") + "a\r\n0123456789\r\n1\r\nx\r\n0\r\nTrailer: t\r\n\r\n" +
			get("/none") + post("/a.txt", "unwanted") + "\r\n" + get("/hello.php?n=5") + get("/b.txt", "Connection: close")
		run := func(cuts func() int) string {
			c := w.dial()
			go func() {
				rest := text
				for len(rest) > 0 {
					n := min(cuts(), len(rest))
					if _, err := io.WriteString(c.c, rest[:n]); err != nil {
						return
					}
					rest = rest[n:]
					if rand.IntN(4) == 0 {
						time.Sleep(200 * time.Microsecond)
					}
				}
			}()
			b, err := io.ReadAll(c.r)
			if err != nil {
				t.Fatalf("%v after %q", err, b)
			}
			lines := strings.Split(string(b), "\r\n")
			for i, l := range lines {
				if strings.HasPrefix(l, "Date: ") {
					lines[i] = "Date"
				}
			}
			return strings.Join(lines, "\n")
		}
		whole := run(func() int { return len(text) })
		if n := strings.Count(whole, "HTTP/1.1 "); n != 8 {
			t.Fatalf("%d responses, want 8:\n%s", n, whole)
		}
		for i := range 12 {
			limit := []int{1, 3, 20, 200}[i%4]
			if got := run(func() int { return 1 + rand.IntN(limit) }); got != whole {
				t.Fatalf("in pieces of up to %d:\n%s\nat once:\n%s", limit, got, whole)
			}
		}
	})
}

func TestInternalRedirects(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{conns: 2, site: func(o *site.Options) {
			o.ErrorPages = map[int]string{404: "/err404.php", 413: "/404.html"}
		}})
		c := w.dial()
		for target, want := range map[string]string{
			"/accel.php?to=/medium.bin":     string(mediumFile),
			"/accel.php?to=/hello.php&n=3":  "hello 3",
			"/accel.php?to=/big.php&n=9000": string(pattern(9000)),
		} {
			c.send(get(target))
			if a := c.expect("GET", 200); a.body != want {
				t.Errorf("%s: %.60q", target, a.body)
			}
		}
		c.send(get("/accel.php?to=/accel.php"))
		c.expect("GET", 500)
		if n := w.app.count("accel.php"); n < 11 || n > 15 {
			t.Errorf("a loop of redirects ran the script %d times", n)
		}
		c.send(get("/accel.php?to=/../../etc/passwd"))
		c.expect("GET", 500)
		c.send(request("POST", "/none", "Content-Length: 3") + "abc")
		if a := c.expect("POST", 404); a.body != "script 404, GET, status 404" {
			t.Errorf("a script as error page: %q", a.body)
		}
		c.stillOpen()
	})
}
