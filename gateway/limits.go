package gateway

import "time"

const (
	// stdinBytes is the content of a STDIN record; a multiple of 8 needs no
	// padding.
	stdinBytes = 65528
	// flushBytes is how much of a response is collected before the client gets
	// it, flushTime how long it may wait for more: php writes 8 KiB at a time,
	// and flush() must arrive too.
	flushBytes = 32 << 10
	flushTime  = 5 * time.Millisecond
	// spoolFileBytesMax is how much of a response may wait on disk for a slow
	// client before the script has to wait for him.
	spoolFileBytesMax = 1 << 30
	// sharedSpoolBytesDefault is Options.SharedSpoolBytes.
	sharedSpoolBytesDefault = 1 << 30
	// takeBytes is the most taken from a spool at once.
	takeBytes = 256 << 10
	// stderrBytesMax is how much of one request's STDERR goes to the log.
	stderrBytesMax = 16 << 10
	// staleTime is how soon after sending a kept connection must break to be
	// taken for one that was closed before; later the script had begun.
	staleTime = 50 * time.Millisecond
	// triesMax is how often a request may be sent again that backends have turned
	// away without running it.
	triesMax = 3
	// gateWaitsMax is how many requests may wait before a gate.
	gateWaitsMax = 4096
	// gateKeyWaitsMax is how many of one key (one client) may.
	gateKeyWaitsMax = 256
	// laneTime is how long a site's call to itself waits while no worker becomes
	// free, laneTimeMax how seldom it is looked at while some do.
	laneTime    = 250 * time.Millisecond
	laneTimeMax = 2 * time.Second
	// variablesMax is how many Variable- fields of an authorizer are kept.
	variablesMax = 256
	// requestTimeDefault is the limit of a request inside the backend.
	requestTimeDefault = 60 * time.Second
	// requestsKeptMax is how many Requests a loop keeps for use again.
	requestsKeptMax = 1024
)
