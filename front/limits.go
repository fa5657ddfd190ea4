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

	// Defaults of Limits.
	idleTimeDefault = 75 * time.Second
	headTimeDefault = 30 * time.Second
	bodyTimeDefault = 60 * time.Second
	sendTimeDefault = 60 * time.Second
)
