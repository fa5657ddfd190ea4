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

	// descriptorsWanted is enough for idleWanted connections under a limit of
	// seven eighths; descriptorsPeer for 10,000 clients and as many upstreams:
	// some peers have memory for each.
	descriptorsWanted = 131072
	descriptorsPeer   = 65536

	// installWait is for Caddy, which is built from source.
	installWait = 10 * time.Minute
	// notesShown bounds the table's remarks on one peer's errors.
	notesShown = 2

	// appWait is how long the slow handler of the Go backend takes.
	appWait = 5 * time.Millisecond
	// appKeptMax is more than any scenario has nginx keep.
	appKeptMax = 10240

	// clientsTime is how long each FastCGI client is measured in each round.
	clientsTime = "1s"

	// manyConns is from when on wrk's connecting is a part of the run's length,
	// so that a short run would measure little else.
	manyConns = 1000
)

// Idle connections: how many are wanted, how many one helper opens from its own
// source address, how many of sluice's own limit (seven eighths of its
// descriptors) stay free, and how long all of them may take to open.
const (
	idleWanted      = 100_000
	idleStartEach   = 100 * time.Millisecond
	idlePerSource   = 10_000
	idleSpare       = 200 // wrk's connections, probes
	idleOpenWait    = 2 * time.Minute
	idleOpenEach    = 500 * time.Microsecond
	idleDialTimeout = time.Minute // a million are opened at once
	idleBytesGoal   = 1 * kib     // of the server's memory for each
	idleKeptGoal    = 0.9         // of the throughput without them
)

// What sluice shall reach without any load.
const (
	firstAnswerGoal = 150      // ms, from its start to an answer from PHP
	idleKiBGoal     = 30 * kib // of its own memory
	binaryBytesGoal = 25 * 1000 * 1000
)
