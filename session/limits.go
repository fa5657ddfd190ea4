package session

import "time"

const (
	// flowBytesHigh is how much of a response may wait for its reader before the
	// gateway keeps it, flowBytesLow from where on it goes on.
	flowBytesHigh = 256 << 10
	flowBytesLow  = 64 << 10
	// pieceBytes is how much content is read at once, and the largest record.
	pieceBytes = 32 << 10
	// lineBytesMax is the longest line of a response head that gofast reads: at
	// 1024 octets its ResponsePipe stops reading for ever.
	lineBytesMax = 1000
	// paramsBytesMax bounds the parameters of a request.
	paramsBytesMax = 1 << 20
	// stallTimeDefault is Options.StallTime.
	stallTimeDefault = time.Minute
	// loopsMax is the most loops that a Transport makes.
	loopsMax = 64

	// cookieBytesMax is the longest sticky cookie that is looked at.
	cookieBytesMax = 1024
	// serverBytesMax is the longest server key that a cookie names.
	serverBytesMax = 255
	// keyBytesMin is the shortest key that signs cookies, keyBytesNew the length of
	// one that is made.
	keyBytesMin = 16
	keyBytesNew = 32
	// keyFileBytesMax is the longest key file.
	keyFileBytesMax = 4096
	// skewTime is how far in the future a cookie may have been made: the machines'
	// clocks differ.
	skewTime = 5 * time.Minute
)
