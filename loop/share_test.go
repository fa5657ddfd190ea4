//go:build unix

package loop

import (
	"errors"
	"io"
	"runtime"
	"syscall"
	"testing"
)

// Several listeners of one address get connections each, when all of them share it,
// and one takes over from another.
func TestSharedPort(t *testing.T) {
	for _, e := range engineList() {
		t.Run(string(e), func(t *testing.T) {
			addr := "127.0.0.1:0"
			var loops [2]*Loop
			var listeners [2]*Listener
			for i := range loops {
				loops[i] = newLoopOf(t, e)
				ln, err := loops[i].Listen("tcp", addr, echo, ListenOptions{Shared: true})
				if err != nil {
					t.Fatal(err)
				}
				listeners[i], addr = ln, ln.Addr().String()
			}
			if _, err := loops[0].Listen("tcp", addr, echo, ListenOptions{}); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("one that does not share it: %v, want EADDRINUSE", err)
			}
			for _, l := range loops {
				run(t, l)
			}
			talk := func() {
				c := dial(t, addr)
				_, _ = c.Write([]byte("x"))
				if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
			}
			for range 64 { // all to one by chance: 2^-63
				talk()
			}
			before := [2]int{loops[0].Conns(), loops[1].Conns()}
			if before[0]+before[1] != 64 || (runtime.GOOS == "linux" && (before[0] == 0 || before[1] == 0)) {
				t.Errorf("%d connections", before)
			}
			on(t, loops[0], listeners[0].Close)
			for range 16 {
				talk()
			}
			if n := loops[1].Conns(); n != before[1]+16 {
				t.Errorf("%d connections after the other one has stopped listening, want %d", n, before[1]+16)
			}
		})
	}
}
