package loop

import "time"

// Each limit says what it protects from.
const (
	// readBufferBytes is one loop's shared read buffer: the most that one read
	// event can bring, so one busy peer cannot keep the others waiting.
	readBufferBytes = 128 << 10

	// outHighBytes stops whoever feeds a connection (Conn.Full), outLowBytes
	// lets him go on (Handler.Drained): memory per connection stays bounded
	// however slow its peer reads.
	outHighBytes = 256 << 10
	outLowBytes  = 64 << 10

	// iovecsMax is the most pieces given to one writev.
	iovecsMax = 64

	// sendfileBytesMax bounds one sendfile call, for the sake of the other
	// connections and because it may read from a disk.
	sendfileBytesMax = 512 << 10

	// eventsMax is the most events taken from the poller at once.
	eventsMax = 256

	// acceptsMax bounds the connections accepted in one go.
	acceptsMax = 64

	// acceptPause is how long accepting rests when descriptors are used up.
	acceptPause = 100 * time.Millisecond

	// lingerBytesMax and lingerTime bound what is still read and thrown away
	// after the last byte was sent, so that a reset does not overtake it
	// (RFC 9112 §9.6).
	lingerBytesMax = 4 << 20
	lingerTime     = 2 * time.Second

	// stallTimeDefault is how long the peer of a closed connection may take
	// nothing of what is still queued for it.
	stallTimeDefault = 60 * time.Second

	// pieceBytes is the size of a pooled output buffer, pieceKeepMax how many
	// free ones a loop keeps.
	pieceBytes   = 16 << 10
	pieceKeepMax = 256
)
