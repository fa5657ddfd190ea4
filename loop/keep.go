package loop

import "unsafe"

// KeepRead hands the loop's read buffer over to whoever wants to keep what was
// read into it: p, a piece of what Handler.Data was given. That saves a copy of
// what is large; what is not makes it false, and has to be copied. The buffer must
// not be written to, and comes back by GiveRead, on the same loop.
func (l *Loop) KeepRead(p []byte) (buf []byte, ok bool) {
	l.mustOwn()
	if len(p) < keepReadBytesMin || !inside(p, l.readBuf) {
		return nil, false
	}
	buf = l.readBuf
	if n := len(l.freeReads); n > 0 {
		l.readBuf = l.freeReads[n-1]
		l.freeReads[n-1] = nil
		l.freeReads = l.freeReads[:n-1]
	} else {
		l.readBuf = make([]byte, readBufferBytes)
	}
	return buf, true
}

// GiveRead gives a buffer of KeepRead back.
func (l *Loop) GiveRead(buf []byte) {
	l.mustOwn()
	if len(l.freeReads) < freeReadsMax {
		l.freeReads = append(l.freeReads, buf)
	}
}

// inside tells whether p is a part of buf's memory.
func inside(p, buf []byte) bool {
	at, from := uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(unsafe.Pointer(unsafe.SliceData(buf)))
	return at >= from && at+uintptr(len(p)) <= from+uintptr(len(buf))
}
