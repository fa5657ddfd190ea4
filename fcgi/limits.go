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
	// pickyTicketsMax is how far the queue is searched for a request that may
	// use a connection, where some want a certain server.
	pickyTicketsMax = 256

	// Defaults of Pipelining.
	quickRequestsDefault = 64
	quickTimeDefault     = 2 * time.Millisecond
	behindTimeDefault    = 5 * time.Millisecond
	// behindMax is how many requests are written behind the one a worker is at: two,
	// so that it finds the next one also when the loop reads two answers at once.
	behindMax = 2
	// givenUpTime is how long a worker may be at its copy of a request that was
	// asked for again, before it is ended.
	givenUpTime = 30 * time.Second

	// lingerLook is after what time a worker that has ended a request and reads
	// nothing is taken for one whose script goes on: longer than a busy system lets
	// it wait for a processor. lingerPause is how often those are looked at while
	// requests wait, lingerMemory how long one makes all others suspect, and
	// lingerTimeMax how long one is waited for before its connection is closed.
	lingerLook    = 100 * time.Millisecond
	lingerPause   = time.Millisecond
	lingerMemory  = 10 * time.Minute
	lingerTimeMax = time.Hour

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
	// A lost packet is sent again after one second.
	connectTimeDefault = 3 * time.Second

	// askTime is how long a backend may take to answer GET_VALUES; one that does
	// not is taken for one that does not multiplex.
	askTime = 500 * time.Millisecond

	// sharedRequestsDefault is Server.Requests.
	sharedRequestsDefault = 256
	// sharedConnsMax is how many shared connections to one server a loop opens;
	// the second when the first is full.
	sharedConnsMax = 2
	// requestIDsMax is how many ids a shared connection uses. An aborted
	// request's is never used again: Go's net/http/fcgi goes on writing for it
	// after END_REQUEST. When they run out the connection is replaced.
	requestIDsMax = 4096
	// turnBytes is how much of its STDIN a request may write before it is
	// another's turn: one record of the gateway.
	turnBytes = 64 << 10
	// turnsMax is how many turns are given before the loop sees to other things.
	turnsMax = 8
	// sharedIdleTime is how long an unused shared connection stays open; it
	// keeps nobody else out.
	sharedIdleTime = time.Minute

	// Defaults of Health.
	healthFailsDefault   = 5
	healthWindowDefault  = 10 * time.Second
	openTimeDefault      = time.Second
	slowStartDefault     = 10 * time.Second
	checkIntervalDefault = 5 * time.Second
	checkTimeDefault     = 2 * time.Second
	// checkFailsMax is how many checks in a row may fail before the server is
	// taken for down.
	checkFailsMax = 2
	// checkAnswerBytesMax is how much of a check's answer is looked at.
	checkAnswerBytesMax = 4 << 10
	// shareWhole is a server's full share while it starts slowly.
	shareWhole = 1024

	// Defaults of Resolver.
	resolveTimeDefault = 30 * time.Second
	lookupTime         = 10 * time.Second
)
