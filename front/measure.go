package front

import (
	"sluice/message"
	"sluice/site"
)

// measure holds what is written against what the head promised.
//
// Invariant: left is -1 or at least 0; bytes counts what room allowed.
type measure struct {
	noContent bool  // whatever is written: HEAD, 204, 304
	left      int64 // octets still promised by Content-Length; -1 if nothing was
	bytes     int64 // octets of content sent
}

func (m *measure) promise(req *message.Request, hd *site.Head) {
	m.noContent = req.Is("HEAD") || hd.Status == 204 || hd.Status == 304
	m.left = hd.Length
}

// room checks n octets against what was promised.
func (m *measure) room(n int64) bool {
	if m.noContent || n == 0 {
		return false
	}
	if m.left >= 0 {
		if n > m.left {
			return false
		}
		m.left -= n
	}
	m.bytes += n
	return true
}

// short tells whether less came than was promised.
func (m *measure) short() bool { return m.left > 0 && !m.noContent }
