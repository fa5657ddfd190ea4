package http1

import (
	"net/http"
	"strconv"
)

// statusLines holds the ready-made status lines of the registered codes.
var statusLines = func() (t [600]string) {
	for code := 100; code < 600; code++ {
		if text := http.StatusText(code); text != "" {
			t[code] = "HTTP/1.1 " + strconv.Itoa(code) + " " + text + "\r\n"
		}
	}
	return t
}()

// AppendStatusLine writes a status line (RFC 9112 §4). reason replaces the
// registered phrase where it is not empty. status must have three digits.
func AppendStatusLine(dst []byte, status int, reason []byte) []byte {
	if len(reason) == 0 && status < len(statusLines) && statusLines[status] != "" {
		return append(dst, statusLines[status]...)
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, reason...)
	return append(dst, '\r', '\n')
}

// Continue is the interim response to Expect: 100-continue (RFC 9110 §15.2.1).
var Continue = []byte("HTTP/1.1 100 Continue\r\n\r\n")
