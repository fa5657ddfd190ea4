package accesslog

import "time"

const (
	// bufferBytesFlush is the fill at which a buffer is handed over: large
	// enough that one write serves hundreds of lines.
	bufferBytesFlush = 64 << 10

	// bufferBytesKept bounds what a recycled buffer may have grown to, so that
	// a burst of hostile lines does not stay in memory.
	bufferBytesKept = 128 << 10

	// queueBuffersMax bounds what waits for a disk that does not keep up:
	// 64 buffers of 64 KiB are 4 MiB.
	queueBuffersMax = 64

	// fieldBytesMax bounds one field of a line, before escaping. A request
	// line is at most 8 KiB, so only absurd header fields are cut.
	fieldBytesMax = 8 << 10

	// flushInterval is how long a line may stay in its loop's buffer.
	flushInterval = time.Second

	// flushWait is how long Reopen waits for the loops' lines.
	flushWait = time.Second

	// closeWait is how long Close waits for a write that hangs.
	closeWait = 5 * time.Second
)
