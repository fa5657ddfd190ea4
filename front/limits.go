package front

import "time"

const (
	// discardBytesMax is how much unwanted request content is read for the sake
	// of keeping the connection; with more to come it is closed.
	discardBytesMax = 256 << 10
	// streamsKeptMax is how many exchanges a loop keeps for use again.
	streamsKeptMax = 4096

	// headKeptBytesMax: a head's memory over it is given back.
	headKeptBytesMax = 8 << 10

	// Of a response that goes to a goroutine, so much waits for it before its
	// source is told to wait, and so little is left when it may go on.
	bridgeHighBytes = 256 << 10
	bridgeLowBytes  = 64 << 10
	// pieceBytesMin is what is reserved for the small parts of such a response.
	pieceBytesMin = 4 << 10
	// contentPieceBytes is how much content is read at once in a goroutine,
	// filePieceBytes how much of a file is written at once.
	contentPieceBytes = 64 << 10
	filePieceBytes    = 64 << 10

	// Defaults of Limits.
	idleTimeDefault = 75 * time.Second
	headTimeDefault = 30 * time.Second
	bodyTimeDefault = 60 * time.Second
	sendTimeDefault = 60 * time.Second
)
