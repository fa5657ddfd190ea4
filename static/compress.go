package static

import (
	"bytes"
	"io"
	"os"
	"sync"
	"weak"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compressor compresses files for the Caches of all loops: a few at a time,
// and each version of a file once. It is safe for concurrent use.
type Compressor struct {
	slots chan struct{}

	mu   sync.Mutex
	made map[version]*flight
}

// version names the bytes of a file in a coding.
type version struct {
	dev, inode   uint64
	size         int64
	mtime, ctime int64
	coding       Coding
	level        int
}

// flight is a job under way or done. The result is held weakly: the Caches
// that use it keep it, within their budgets.
type flight struct {
	done    chan struct{}
	out     weak.Pointer[packed]
	useless bool // there is no result, and will be none
}

// packed is a compressed file.
type packed struct{ data []byte }

// job is what a compression needs, detached from the loop.
type job struct {
	coding Coding
	level  int
	facts  facts
	body   []byte
	file   *os.File // nil: body has it all
}

// madeBound is how many flights are remembered before the dead are swept out.
const madeBound = 4096

// NewCompressor returns a Compressor that runs up to parallel jobs at once.
func NewCompressor(parallel int) *Compressor {
	return &Compressor{slots: make(chan struct{}, max(1, parallel)), made: make(map[version]*flight)}
}

// pack returns the compressed file, or nil if it is not worth it or cannot be
// read as it was.
func (c *Compressor) pack(j *job) *packed {
	if j.facts.inode == 0 { // no name to share it by
		return c.run(j)
	}
	v := version{
		dev: j.facts.dev, inode: j.facts.inode, size: j.facts.size,
		mtime: j.facts.mtime.UnixNano(), ctime: j.facts.change, coding: j.coding, level: j.level,
	}
	c.mu.Lock()
	if f := c.made[v]; f != nil {
		c.mu.Unlock()
		<-f.done
		if out := f.out.Value(); out != nil || f.useless {
			return out
		}
		c.mu.Lock()
		if c.made[v] == f {
			delete(c.made, v)
		}
	}
	f := &flight{done: make(chan struct{})}
	c.made[v] = f
	c.sweep()
	c.mu.Unlock()
	out := c.run(j)
	f.out, f.useless = weak.Make(out), out == nil
	close(f.done)
	return out
}

// sweep forgets finished flights whose result nobody holds.
func (c *Compressor) sweep() {
	if len(c.made) < madeBound {
		return
	}
	for v, f := range c.made {
		select {
		case <-f.done:
			if f.out.Value() == nil {
				delete(c.made, v)
			}
		default:
		}
	}
}

func (c *Compressor) run(j *job) *packed {
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	body := j.body
	if j.file != nil {
		if body = readAll(j); body == nil {
			return nil
		}
	}
	data, err := compress(j.coding, j.level, body)
	if err != nil || len(data) > len(body)-len(body)/minSavedDivisor {
		return nil
	}
	return &packed{data: bytes.Clone(data)} // without the buffer's spare room
}

// readAll reads the file the job is about; nil if it is another by now.
func readAll(j *job) []byte {
	body := make([]byte, j.facts.size)
	if _, err := io.ReadFull(io.NewSectionReader(j.file, 0, j.facts.size), body); err != nil {
		return nil
	}
	info, err := j.file.Stat()
	if err != nil {
		return nil
	}
	if f := factsOf(info); f.size != j.facts.size || !f.mtime.Equal(j.facts.mtime) {
		return nil
	}
	return body
}

// Levels are the coders' levels; 0 switches a coding off.
type Levels struct{ Gzip, Brotli, Zstd int }

// bestLevels are the default: a file is compressed once and sent often.
var bestLevels = Levels{Gzip: gzip.BestCompression, Brotli: brotli.BestCompression, Zstd: zstdBestLevel}

func (l *Levels) of(c Coding) int {
	switch c {
	case Gzip:
		return l.Gzip
	case Brotli:
		return l.Brotli
	case Zstd:
		return l.Zstd
	case Identity, numCodings:
	}
	return 0
}

// zstdBestLevel is the level of the zstd program that the library maps to its
// best one.
const zstdBestLevel = 19

func compress(coding Coding, level int, body []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(body) / 2)
	var w io.WriteCloser
	var err error
	switch coding {
	case Gzip:
		w, err = gzip.NewWriterLevel(&out, min(level, gzip.BestCompression))
	case Brotli:
		if len(body) > brotliBestBytes {
			level = min(level, brotliLargeLevel)
		}
		w = brotli.NewWriterLevel(&out, level)
	case Zstd:
		return compressZstd(level, body)
	case Identity, numCodings:
		return body, nil
	}
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(body); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func compressZstd(level int, body []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(MaxCompressBytes))
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(body, nil), w.Close()
}
