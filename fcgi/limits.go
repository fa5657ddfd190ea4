package fcgi

import "time"

const (
	// contentBytesMax is the most content of one record (§3.3: 16 bits).
	contentBytesMax = 65535
	// pairLengthMax is the longest name or value (§3.4: 31 bits).
	pairLengthMax = 1<<31 - 1
	// managementBytesMax bounds a record that is kept whole (END_REQUEST,
	// GET_VALUES_RESULT, UNKNOWN_TYPE) against a backend that sends nonsense.
	managementBytesMax = 4 << 10

	// fairness is how much longer a request on another loop must have waited
	// to be served before one on this loop: moving a worker's connection
	// between loops costs both a new connection. It is also how long a request
	// waits for this loop's connections before it asks for another loop's idle
	// one.
	fairness = 10 * time.Millisecond

	// dialRetryMin and dialRetryMax are the pauses between attempts to connect
	// to a backend whose backlog is full or which is being restarted;
	// DialTime of Options bounds them together.
	dialRetryMin = 2 * time.Millisecond
	dialRetryMax = 100 * time.Millisecond

	// killTime is how long a request that was told to end may take for it
	// (shutdown functions), before its worker is ended.
	killTime = 2 * time.Second
	// killLook is how often it is looked whether the worker is free.
	killLook = 10 * time.Millisecond
	// retireTime is how long a retiring worker may take to close.
	retireTime = 5 * time.Second

	// leavePauseMin and leavePauseMax are the pauses between looks at a worker
	// whose request was abandoned.
	leavePauseMin = 2 * time.Millisecond
	leavePauseMax = 100 * time.Millisecond

	// Defaults of Options.
	queueDefault     = 16384
	queueTimeDefault = 30 * time.Second
	dialTimeDefault  = 2 * time.Second
)
