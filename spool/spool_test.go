package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sluice/loop"
)

// fixture is a spool on a loop, and its owner. Everything is done on the loop.
type fixture struct {
	t     *testing.T
	l     *loop.Loop
	store *Store
	s     Spool

	rooms, readies int // calls of SpoolRoom and SpoolReady
	failed         []error
	onRoom         func()
	onReady        func()
}

func (f *fixture) SpoolRoom() {
	f.rooms++
	if f.onRoom != nil {
		f.onRoom()
	}
}

func (f *fixture) SpoolReady() {
	f.readies++
	if f.onReady != nil {
		f.onReady()
	}
}

func (f *fixture) SpoolFailed(err error) { f.failed = append(f.failed, err) }

func newFixture(t *testing.T, st *Store) *fixture {
	t.Helper()
	l, err := loop.New(loop.Auto)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = l.Run() }()
	t.Cleanup(func() {
		l.Stop()
		<-l.Done()
	})
	if st.Dir == "" {
		st.Dir = t.TempDir()
	}
	f := &fixture{t: t, l: l, store: st}
	f.on(func() { f.s.Init(st, l, f) })
	return f
}

func (f *fixture) on(fn func()) {
	f.t.Helper()
	done := make(chan struct{})
	f.l.Post(func() { fn(); close(done) })
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		f.t.Fatal("the loop did not run a posted function")
	}
}

// settle waits until the disk is done.
func (f *fixture) settle() {
	f.t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		ok := false
		f.on(func() { ok = (len(f.s.writing) == 0) })
		if ok {
			return
		}
		if time.Now().After(end) {
			f.t.Fatal("a write did not end")
		}
	}
}

// empty checks that nothing is left of any spool.
func (f *fixture) empty() {
	f.t.Helper()
	for end := time.Now().Add(5 * time.Second); f.store.used.Load() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("%d octets of memory were not given back", f.store.used.Load())
		}
	}
	if names, err := filepath.Glob(filepath.Join(f.store.Dir, "*")); err != nil || len(names) > 0 {
		f.t.Errorf("temporary files are left: %v %v", names, err)
	}
}

// takeSome reads the next piece; bytes tells whether it came from memory.
func (f *fixture) takeSome(limit int64, to *bytes.Buffer) (n int64, bytes bool) {
	b, file, off, n := f.s.Take(limit)
	if n > limit {
		f.t.Errorf("Take(%d) gave %d octets", limit, n)
	}
	if file == nil {
		if int64(len(b)) != n {
			f.t.Errorf("Take gave %d octets and says %d", len(b), n)
		}
		to.Write(b)
		return n, true
	}
	p := make([]byte, n)
	if _, err := file.File().ReadAt(p, off); err != nil && !errors.Is(err, io.EOF) {
		f.t.Errorf("reading the spool's file: %v", err)
	}
	file.Release()
	to.Write(p)
	return n, false
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(int64(n))).Read(b)
	return b
}

func TestInMemory(t *testing.T) {
	f := newFixture(t, &Store{})
	want := random(5*chunkBytes + 7)
	f.on(func() {
		if b, file, _, n := f.s.Take(10); b != nil || file != nil || n != 0 {
			t.Error("an empty spool gave something")
		}
		for p := want; len(p) > 0; {
			n := min(1000, len(p))
			f.s.Write(p[:n])
			p = p[n:]
		}
		if f.s.Size() != int64(len(want)) || f.s.Unread() != f.s.Size() || f.s.Full() || len(f.s.writing) > 0 {
			t.Errorf("Size %d, Unread %d, Full %v", f.s.Size(), f.s.Unread(), f.s.Full())
		}
		for range 2 { // Rewind gives all of it again
			var got bytes.Buffer
			for f.s.Unread() > 0 {
				if _, mem := f.takeSome(3000, &got); !mem {
					t.Error("a small spool went to disk")
				}
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Error("other octets came out")
			}
			f.s.Rewind()
		}
		f.s.Close()
		f.s.Close()
		f.s.Write([]byte("late"))
		if _, _, _, n := f.s.Take(1); n != 0 {
			t.Error("a closed spool gives something")
		}
	})
	f.empty()
}

// What Take gave stays as it is while more is written behind it.
func TestTakenBytesStay(t *testing.T) {
	f := newFixture(t, &Store{})
	f.on(func() {
		f.s.Write([]byte("abc"))
		a, _, _, _ := f.s.Take(100)
		f.s.Write([]byte("def"))
		b, _, _, _ := f.s.Take(100)
		if string(a) != "abc" || string(b) != "def" {
			t.Errorf("%q %q", a, b)
		}
		f.s.Close()
	})
	f.empty()
}

func TestSpilled(t *testing.T) {
	f := newFixture(t, &Store{MemoryBytes: 100 << 10})
	want := random(900_001)
	f.on(func() { f.s.Write(want) })
	f.settle()
	f.on(func() {
		if used := f.store.used.Load(); used != 0 {
			t.Errorf("%d octets of memory while all is on disk", used)
		}
		for range 2 {
			var got bytes.Buffer
			for f.s.Unread() > 0 {
				if _, mem := f.takeSome(70000, &got); mem {
					t.Error("it is not on disk")
				}
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Error("other octets came out")
			}
			f.s.Rewind()
		}
	})
	if names, _ := filepath.Glob(filepath.Join(f.store.Dir, "*")); len(names) != 0 {
		t.Errorf("the file has a name: %v", names)
	}
	f.on(f.s.Close)
	f.empty()
	if len(f.failed) > 0 {
		t.Error(f.failed)
	}
}

// Over the budget of all, a spool goes to disk from its second chunk on.
func TestBudget(t *testing.T) {
	st := &Store{BudgetBytes: 4 * chunkBytes}
	f := newFixture(t, st)
	var hog, late Spool
	f.on(func() {
		hog.Init(st, f.l, f)
		hog.Write(make([]byte, 5*chunkBytes))
		late.Init(st, f.l, f)
		late.Write(make([]byte, 100))
		if late.spilled {
			t.Error("a chunk that is there already is not used up")
		}
		late.Write(make([]byte, 2*chunkBytes))
		if !late.spilled {
			t.Error("memory over the budget is used")
		}
		hog.Close()
		late.Close() // while it is being written
	})
	f.empty()
}

func TestFull(t *testing.T) {
	f := newFixture(t, &Store{MemoryBytes: 1})
	f.on(func() {
		f.s.Write(make([]byte, 10)) // a write is under way
		f.s.Write(make([]byte, pendingBytesMax))
		if f.s.Full() {
			t.Error("Full at the bound already")
		}
		f.s.Write(make([]byte, 1))
		if !f.s.Full() {
			t.Error("not Full over the bound")
		}
	})
	f.settle()
	f.on(func() {
		if f.s.Full() || f.rooms != 1 {
			t.Errorf("Full %v, SpoolRoom was called %d times", f.s.Full(), f.rooms)
		}
		f.s.Close()
	})
	f.empty()
}

func TestForget(t *testing.T) {
	for _, memory := range []int64{1 << 20, 1} {
		f := newFixture(t, &Store{MemoryBytes: memory})
		for round := range 5 {
			want := random(100_000 + round)
			var got bytes.Buffer
			f.on(func() { f.s.Write(want) })
			f.settle()
			f.on(func() {
				f.s.Forget() // not all is taken: nothing happens
				if f.s.Unread() != int64(len(want)) {
					t.Fatal("Forget threw away what was not taken")
				}
				for f.s.Unread() > 0 {
					f.takeSome(1<<20, &got)
				}
				f.s.Forget()
				if f.s.Size() != 0 || f.store.used.Load() != 0 {
					t.Errorf("after Forget: size %d, memory %d", f.s.Size(), f.store.used.Load())
				}
			})
			if !bytes.Equal(got.Bytes(), want) {
				t.Fatalf("round %d: other octets came out", round)
			}
		}
		f.on(f.s.Close)
		f.empty()
	}
}

// A range that is still being sent is not written over.
func TestForgetWhileSending(t *testing.T) {
	f := newFixture(t, &Store{MemoryBytes: 1})
	f.on(func() { f.s.Write([]byte("first")) })
	f.settle()
	var ref loop.FileRef
	f.on(func() {
		_, ref, _, _ = f.s.Take(100)
		f.s.Forget()
		f.s.Write([]byte("second"))
	})
	f.settle()
	f.on(func() {
		b := make([]byte, 5)
		if _, err := ref.File().ReadAt(b, 0); err != nil || string(b) != "first" {
			t.Errorf("%q %v", b, err)
		}
		var got bytes.Buffer
		f.takeSome(100, &got)
		if got.String() != "second" {
			t.Errorf("got %q", got.String())
		}
		f.s.Close()
		if _, err := ref.File().ReadAt(b, 0); err != nil { // lives on while it is being sent
			t.Error(err)
		}
		file := ref.File()
		ref.Release()
		if _, err := file.ReadAt(b, 0); !errors.Is(err, os.ErrClosed) {
			t.Errorf("the file was not closed: %v", err)
		}
	})
	f.empty()
}

// Reader and writer at random, with every memory size: the octets come out as
// they went in, and nobody waits for ever.
func TestInterleaved(t *testing.T) {
	for i, memory := range []int64{1, 40 << 10, 300 << 10, 4 << 20} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) {
			f := newFixture(t, &Store{MemoryBytes: memory})
			r := rand.New(rand.NewSource(int64(i)))
			want := random(3_000_000)
			in := want
			var got bytes.Buffer
			done := make(chan struct{})
			forgot := 0
			var step func()
			step = func() {
				if len(in) > 0 && !f.s.Full() && r.Intn(2) == 0 {
					n := min(r.Intn(60000), len(in))
					f.s.Write(in[:n])
					in = in[n:]
				}
				if r.Intn(2) == 0 {
					f.takeSome(int64(1+r.Intn(100_000)), &got)
				}
				if r.Intn(10) == 0 {
					f.s.Forget()
					forgot++
				}
				if got.Len() == len(want) {
					close(done)
					return
				}
				f.l.Post(step)
			}
			f.l.Post(step)
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Fatalf("%d of %d octets came out", got.Len(), len(want))
			}
			f.on(f.s.Close)
			if !bytes.Equal(got.Bytes(), want) {
				t.Error("other octets came out")
			}
			f.empty()
		})
	}
}

// A reader that found nothing is called when there is something, without asking.
func TestReadyAfterStarving(t *testing.T) {
	f := newFixture(t, &Store{MemoryBytes: 1})
	want := random(2_000_000)
	var got bytes.Buffer
	done := make(chan struct{})
	take := func() {
		for {
			if n, _ := f.takeSome(1<<20, &got); n == 0 {
				break
			}
		}
		if got.Len() == len(want) {
			close(done)
		}
	}
	f.onReady = take
	f.on(func() {
		f.s.Write(want)
		take()
	})
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("%d of %d octets came out after %d calls of SpoolReady", got.Len(), len(want), f.readies)
	}
	f.on(f.s.Close)
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("other octets came out")
	}
	f.empty()
}

func TestDiskFails(t *testing.T) {
	for name, broken := range map[string]func(f *fixture){
		"no such folder": func(f *fixture) { f.store.Dir = filepath.Join(f.store.Dir, "gone") },
		"disk full": func(f *fixture) {
			full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
			if err != nil {
				f.t.Skip(err)
			}
			f.s.file = &tempFile{f: full}
			f.s.file.refs.Store(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &Store{MemoryBytes: 1})
			f.on(func() {
				broken(f)
				f.s.Write(make([]byte, 100_000))
				f.s.Write(make([]byte, 700_000))
				var b bytes.Buffer
				f.takeSome(100, &b) // starved
			})
			f.settle()
			f.on(func() {
				if len(f.failed) != 1 || f.readies+f.rooms != 0 {
					t.Fatalf("SpoolFailed %v, SpoolReady %d, SpoolRoom %d", f.failed, f.readies, f.rooms)
				}
				f.s.Write([]byte("more"))
				if _, _, _, n := f.s.Take(100); n != 0 {
					t.Error("a failed spool gives something")
				}
				f.s.Close()
			})
			f.settle()
			if len(f.failed) != 1 {
				t.Errorf("SpoolFailed was called %d times", len(f.failed))
			}
			f.empty()
		})
	}
}

// A spool that is used again while its last write is still under way hears
// nothing of it.
func TestUsedAgainWhileWriting(t *testing.T) {
	f := newFixture(t, &Store{MemoryBytes: 1})
	for i := range 200 {
		want := fmt.Sprint("round ", i)
		f.on(func() {
			f.s.Write(make([]byte, 50_000))
			f.s.Close()
			f.s.Init(f.store, f.l, f)
			f.s.store = &Store{MemoryBytes: 1 << 20, Dir: f.store.Dir}
			f.s.Write([]byte(want))
			var got bytes.Buffer
			f.takeSome(100, &got)
			if got.String() != want || f.s.Unread() != 0 {
				t.Errorf("%q, %d unread", got.String(), f.s.Unread())
			}
			f.s.Close()
			f.s.Init(f.store, f.l, f)
		})
	}
	f.on(f.s.Close)
	f.empty()
	if f.rooms+f.readies+len(f.failed) > 0 {
		t.Errorf("calls for a spool that was closed: %d %d %v", f.rooms, f.readies, f.failed)
	}
}

// A loop that has ended takes no more news; memory and file come back all the
// same.
func TestLoopEndsWhileWriting(t *testing.T) {
	st := &Store{MemoryBytes: 1}
	f := newFixture(t, st)
	var n atomic.Int32
	f.on(func() {
		f.s.Write(make([]byte, 400_000))
		f.s.Close()
		n.Add(1)
	})
	f.l.Stop()
	<-f.l.Done()
	f.empty()
	if n.Load() != 1 {
		t.Error("nothing was written")
	}
}
