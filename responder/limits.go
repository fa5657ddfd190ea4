package responder

import "time"

const (
	// connectionsMax bounds connections; the pool asks for far fewer.
	connectionsMax = 4096
	// paramsBytesMax bounds a request's PARAMS, which execve bounds too (a
	// quarter of the stack, usually 2 MiB).
	paramsBytesMax = 1 << 20
	// pieceBytes is the most octets that are read at once, and so the most of
	// one record.
	pieceBytes = 32 << 10

	// lingerTime is how long the gateway may take to read the end of a connection
	// without KEEP_CONN.
	lingerTime = 2 * time.Second
	// closeTimeMax bounds Close, should a process be stuck in the kernel.
	closeTimeMax = 10 * time.Second
	// acceptPause is the pause after accept fails (no descriptors left).
	acceptPause = 50 * time.Millisecond
)
