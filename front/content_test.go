package front

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"sluice/loop"
)

func chunkedPost(target string, chunks ...string) string {
	text := request("POST", target, "Transfer-Encoding: chunked")
	for _, c := range chunks {
		text += fmt.Sprintf("%x\r\n%s\r\n", len(c), c)
	}
	return text + "0\r\n"
}

func TestContentReachesTheScript(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		c := w.dial()
		for _, n := range []int{0, 1, 1000, 70_000, bodyMax} {
			content := string(pattern(n))
			c.send(post("/echo.php", content))
			if a := c.expect("POST", 200); a.body != fmt.Sprintf("POST %d <nil>\n%s", n, content) {
				t.Fatalf("%d octets: got %d, %.60q", n, len(a.body), a.body)
			}
		}
		// The length of chunked content is told to the script exactly.
		parts := []string{"a", strings.Repeat("b", 1000), strings.Repeat("c", 100_000), "d"}
		c.send(chunkedPost("/echo.php", parts...) + "X-Checksum: 1\r\nExpires: never\r\n\r\n")
		whole := strings.Join(parts, "")
		if a := c.expect("POST", 200); a.body != fmt.Sprintf("POST %d <nil>\n%s", len(whole), whole) {
			t.Errorf("chunked: %.60q", a.body)
		}
		c.send(chunkedPost("/echo.php") + "\r\n")
		if a := c.expect("POST", 200); !strings.HasPrefix(a.body, "POST 0 ") {
			t.Errorf("chunked without content: %.60q", a.body)
		}
		c.stillOpen()
	})
}

// Content over what a spool keeps in memory goes through a file.
func TestContentThroughAFile(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{gateway: smallSpools(t)})
		c := w.dial()
		content := string(pattern(bodyMax))
		for range 3 {
			c.send(post("/echo.php", content))
			if a := c.expect("POST", 200); a.body != fmt.Sprintf("POST %d <nil>\n%s", len(content), content) {
				t.Fatalf("got %d octets, %.60q", len(a.body), a.body)
			}
		}
	})
}

func TestExpectContinue(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		c := w.dial()
		c.send(request("POST", "/echo.php", "Expect: 100-continue", "Content-Length: 5"))
		if line, err := c.r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("%q, %v; want 100", line, err)
		}
		if line, err := c.r.ReadString('\n'); err != nil || line != "\r\n" {
			t.Fatalf("%q, %v after 100", line, err)
		}
		c.send("12345")
		if a := c.expect("POST", 200); a.body != "POST 5 <nil>\n12345" {
			t.Errorf("%q", a.body)
		}
		c.stillOpen()
		// Nobody wants the content: a final response, and no 100 before it.
		for _, tt := range []struct {
			target, length string
			status         int
		}{
			{"/a.txt", "Content-Length: 5", 405},
			{"/none", "Transfer-Encoding: chunked", 404},
			{"/echo.php", fmt.Sprint("Content-Length: ", bodyMax+1), 413},
		} {
			c := w.dial()
			c.send(request("POST", tt.target, "Expect: 100-continue", tt.length))
			a, err := c.read("POST")
			if err != nil || a.status != tt.status || !a.close {
				t.Errorf("%s: status %d, close %v, %v; want %d and close", tt.target, a.status, a.close, err, tt.status)
			}
			c.ends()
		}
		c = w.dial()
		c.send("POST /echo.php HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
		time.Sleep(20 * time.Millisecond)
		c.send("ab")
		c.expect("POST", 200) // 1.0 knows no interim responses
	})
}

func TestTooLarge(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		big := strings.Repeat("x", 64<<10)
		for name, head := range map[string]string{
			"length":  request("POST", "/echo.php", "Content-Length: 100000000"),
			"file":    request("POST", "/a.txt", "Content-Length: 100000000"),
			"chunked": request("POST", "/echo.php", "Transfer-Encoding: chunked"),
		} {
			c := w.dial()
			c.send(head)
			go func() { // sends until it is cut off, as browsers do
				for range 40 {
					text := big
					if name == "chunked" {
						text = fmt.Sprintf("%x\r\n%s\r\n", len(big), big)
					}
					if _, err := io.WriteString(c.c, text); err != nil {
						return
					}
				}
			}()
			a, err := c.read("POST")
			if err != nil || a.status != 413 || !a.close {
				t.Errorf("%s: status %d, close %v, %v; want 413 and close", name, a.status, a.close, err)
			}
			if b, _ := io.ReadAll(c.r); len(b) > 0 {
				t.Errorf("%s: more was answered: %.60q", name, b)
			}
		}
		if n := w.app.count("echo.php"); n != 0 {
			t.Errorf("the script ran %d times", n)
		}
		eventually(t, "all connections closed", func() bool { return w.open() == 0 })
	})
}

func TestUnwantedContent(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		// A little of it is thrown away, and the connection goes on.
		c := w.dial()
		for _, n := range []int{1, 1000, discardBytesMax - 1} {
			c.send(post("/a.txt", strings.Repeat("x", n)))
			if a := c.expect("POST", 405); a.close {
				t.Fatalf("%d octets: closed", n)
			}
			c.stillOpen()
			c.send(post("/none", strings.Repeat("GET / HTTP/1.1\r\n\r\n", n/18)))
			c.expect("POST", 404)
			c.stillOpen()
		}
		// So it is when it comes late.
		c.send(request("POST", "/a.txt", "Content-Length: 10"))
		if a := c.expect("POST", 405); a.close {
			t.Fatal("closed")
		}
		c.send("01234")
		time.Sleep(10 * time.Millisecond)
		c.send("56789")
		c.stillOpen()
		// Much of it is not waited for.
		c.send(request("POST", "/a.txt", fmt.Sprint("Content-Length: ", discardBytesMax+1)))
		if a := c.expect("POST", 405); !a.close {
			t.Error("the connection is said to go on after large content")
		}
		c.ends()
		c = w.dial()
		c.send(request("POST", "/none", "Transfer-Encoding: chunked"))
		if a := c.expect("POST", 404); !a.close {
			t.Error("the connection is said to go on after content without end")
		}
		c.ends()
	})
}

// Content that breaks off is never taken for all of it.
func TestBrokenContent(t *testing.T) {
	engines(t, func(t *testing.T, e loop.Engine) {
		w := newWorld(t, e, change{})
		for _, rest := range []string{"5\r\nabcdeX", "5\r\nab\r\n\r\n0\r\n\r\n", "-1\r\n", "5\r\nabcde\r\n0\r\nbad trailer\r\n\r\n"} {
			c := w.dial()
			c.send(request("POST", "/echo.php", "Transfer-Encoding: chunked") + "3\r\nabc\r\n" + rest)
			if a := c.expect("POST", 400); !a.close {
				t.Errorf("%q: the connection goes on", rest)
			}
			c.ends()
		}
		for _, head := range []string{request("POST", "/echo.php", "Content-Length: 10") + "half", request("POST", "/echo.php", "Transfer-Encoding: chunked") + "3\r\nabc\r\n"} {
			c := w.dial()
			c.send(head)
			time.Sleep(5 * time.Millisecond)
			_ = c.c.Close()
		}
		eventually(t, "all connections closed", func() bool { return w.open() == 0 })
		if n := w.app.count("echo.php"); n != 0 {
			t.Errorf("the script ran %d times on half of its content", n)
		}
	})
}
