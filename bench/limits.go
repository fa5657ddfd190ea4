//go:build linux

package main

import "time"

const (
	readyWait = 10 * time.Second // for a server's first answer
	stopWait  = 5 * time.Second  // between SIGTERM and SIGKILL

	// probeTimeout is when a fetch beside the load counts as starved.
	probeTimeout = 8 * time.Second
	probeEvery   = 100 * time.Millisecond

	// checkSeconds is the length of the run that compares every body.
	checkSeconds = 1

	// descriptorsWanted is enough for 10,000 clients and as many upstreams.
	descriptorsWanted = 65536

	// notesShown bounds the table's remarks on one peer's errors.
	notesShown = 2

	// manyConns is from when on wrk's connecting is a part of the run's length,
	// so that a short run would measure little else.
	manyConns = 1000
)

// What sluice shall reach without any load.
const (
	firstAnswerGoal = 150      // ms, from its start to an answer from PHP
	idleKiBGoal     = 30 * kib // of its own memory
	binaryBytesGoal = 25 * 1000 * 1000
)
