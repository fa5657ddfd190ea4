package fcgi

import (
	"encoding/binary"
	"fmt"
)

// Event is a record, or a piece of a stream's record.
type Event struct {
	Type Type
	ID   uint16
	// Content is part of what was fed, and dies with it. Of a stream (STDOUT…)
	// it is the piece that was there; other records come whole.
	Content []byte
	// EOF: the empty record that ends a stream.
	EOF bool
}

// EndRequestBody is END_REQUEST's content (§5.5).
type EndRequestBody struct {
	AppStatus      uint32
	ProtocolStatus ProtocolStatus
}

// ParseEndRequest reads END_REQUEST's content.
func ParseEndRequest(content []byte) (EndRequestBody, error) {
	if len(content) < 8 {
		return EndRequestBody{}, fmt.Errorf("fcgi: END_REQUEST has %d octets of content instead of 8", len(content))
	}
	return EndRequestBody{binary.BigEndian.Uint32(content), ProtocolStatus(content[4])}, nil
}

// decoderState says what the next octet belongs to.
type decoderState uint8

const (
	// recordHeader: n octets of the header have come.
	recordHeader decoderState = iota
	// recordContent: the header is accepted, content octets are still owed.
	recordContent
	// recordPadding: padding octets are still owed.
	recordPadding
)

func (s decoderState) String() string {
	return [...]string{"recordHeader", "recordContent", "recordPadding"}[s]
}

// Decoder takes a connection's octets apart. The zero value is ready.
type Decoder struct {
	state   decoderState
	n       uint8 // octets of header
	typ     Type
	id      uint16
	padding uint8
	content int // owed
	header  [HeaderBytes]byte
	whole   []byte // content so far of a record that comes whole
}

// Between tells that no record has been begun.
func (d *Decoder) Between() bool { return d.state == recordHeader && d.n == 0 }

// Next takes octets from the front of b. ok says that ev holds something;
// otherwise all of b was taken.
func (d *Decoder) Next(b []byte) (n int, ev Event, ok bool, err error) {
	for n < len(b) {
		switch d.state {
		case recordHeader:
			k, full := d.takeHeader(b[n:])
			n += k
			if !full {
				return n, Event{}, false, nil
			}
			if ev, ok, err = d.begin(); ok || err != nil {
				return n, ev, ok, err
			}
		case recordContent:
			k := min(len(b)-n, d.content)
			ev, ok = d.take(b[n : n+k])
			n += k
			if ok {
				return n, ev, true, nil
			}
		case recordPadding:
			k := min(len(b)-n, int(d.padding))
			n += k
			if d.padding -= uint8(k); d.padding == 0 {
				d.state, d.n = recordHeader, 0
			}
		}
	}
	return n, Event{}, false, nil
}

func (d *Decoder) takeHeader(b []byte) (int, bool) {
	k := copy(d.header[d.n:], b)
	d.n += uint8(k)
	return k, d.n == HeaderBytes
}

// begin looks at a complete header. Records without content are said at once.
func (d *Decoder) begin() (Event, bool, error) {
	h := &d.header
	if h[0] != Version {
		return Event{}, false, fmt.Errorf("fcgi: record of version %d instead of 1; this is no FastCGI", h[0])
	}
	d.typ, d.id = Type(h[1]), binary.BigEndian.Uint16(h[2:])
	d.content, d.padding = int(binary.BigEndian.Uint16(h[4:])), h[6]
	if d.content == 0 {
		ev := Event{Type: d.typ, ID: d.id, EOF: d.typ.isStream()}
		d.afterContent()
		return ev, true, nil
	}
	if !d.typ.isStream() && d.content > managementBytesMax {
		return Event{}, false, fmt.Errorf("fcgi: %v with %d octets of content; at most %d are taken", d.typ, d.content, managementBytesMax)
	}
	d.state, d.whole = recordContent, d.whole[:0]
	return Event{}, false, nil
}

func (d *Decoder) take(b []byte) (Event, bool) {
	d.content -= len(b)
	if !d.typ.isStream() && (d.content > 0 || len(d.whole) > 0) {
		d.whole = append(d.whole, b...)
		b = d.whole
	}
	whole := d.content == 0
	if whole {
		d.afterContent()
	}
	return Event{Type: d.typ, ID: d.id, Content: b}, whole || d.typ.isStream()
}

func (d *Decoder) afterContent() {
	d.state, d.n = recordHeader, 0
	if d.padding > 0 {
		d.state = recordPadding
	}
}
