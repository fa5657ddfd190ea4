package loop

import (
	"bytes"
	"runtime"
	"strconv"
)

// checkOwner makes mustOwn panic when a loop's state is touched from another
// goroutine. It costs a stack trace per call, so only tests switch it on.
var checkOwner = false

func (l *Loop) own() {
	if checkOwner {
		l.goid.Store(goroutineID())
	}
}

// mustOwn panics in tests when the caller is not the loop's goroutine.
func (l *Loop) mustOwn() {
	if !checkOwner {
		return
	}
	if id := l.goid.Load(); id != 0 && id != goroutineID() {
		panic("loop: touched from another goroutine; use Post")
	}
}

func goroutineID() uint64 {
	var buf [64]byte
	b := buf[:runtime.Stack(buf[:], false)]
	b = bytes.TrimPrefix(b, []byte("goroutine "))
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		b = b[:i]
	}
	n, _ := strconv.ParseUint(string(b), 10, 64)
	return n
}
