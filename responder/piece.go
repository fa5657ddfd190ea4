package responder

import "sluice/fcgi"

// Piece has room for a piece of content, and for what makes it a record without
// being moved.
type Piece [fcgi.HeaderBytes + pieceBytes + 8]byte // padding may follow

// Room is where the content goes.
func (p *Piece) Room() []byte { return p[fcgi.HeaderBytes : fcgi.HeaderBytes+pieceBytes] }

// Stdout is a record of STDOUT of the first n octets of Room, of which there is at
// least one. It is valid until Room is written to.
func (p *Piece) Stdout(id uint16, n int) []byte {
	padding, end := -n&7, fcgi.HeaderBytes+n
	fcgi.AppendHeader(p[:0], fcgi.Stdout, id, n, padding)
	clear(p[end : end+padding])
	return p[:end+padding]
}
