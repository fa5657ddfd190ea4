package gateway

import (
	"strings"
	"testing"

	"sluice/loop"
)

// A backend that answers without having read the content, and closes: its answer
// counts, not that the content could not be sent.
func TestAnswersBeforeContent(t *testing.T) {
	const size = 4 << 20
	engines(t, func(t *testing.T, e loop.Engine) {
		f := start(t, e, func(p *peer) {
			q, err := p.begin()
			if err != nil {
				return
			}
			p.reply(q, "Status: 413\r\n\r\ntoo much")
			_ = p.Close()
		}, settings{conns: 3})
		for range 30 {
			c := f.client("POST", "x")
			f.on(func() {
				c.r.Start(true)
				c.r.Content([]byte(strings.Repeat("x", size)))
				c.r.ContentEnd()
			})
			c.gets(413, "too much")
		}
	})
}
