package loop

import "time"

// Each limit says what it protects from.
const (
	// readBufferBytes is one loop's shared read buffer: the most that one read
	// event can bring, so one busy peer cannot keep the others waiting.
	readBufferBytes = 128 << 10

	// keepReadBytesMin is what is worth keeping a read buffer for, freeReadsMax how
	// many spare ones a loop has.
	keepReadBytesMin = readBufferBytes / 2
	freeReadsMax     = 128

	// pipesMax bounds a loop's pipes, two descriptors and at most pipeBytes each.
	// pipeReadBytes is the most moved into one at once.
	pipesMax      = 32
	pipeBytes     = 1 << 20
	pipeReadBytes = 256 << 10

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

	// joinBytesMax is from when on the output of a connection with JoinWrites is
	// sent before the end of the turn: its peer shall not be idle meanwhile.
	joinBytesMax = pieceBytes

	// uringRequests and uringAnswers are the entries of an io_uring's two rings.
	// More requests than that in one turn cost a further system call, more
	// answers wait in the kernel.
	uringRequests = 512
	uringAnswers  = 4096

	// uringAcceptRequests and uringAcceptAnswers are those of a listening socket's own
	// ring, uringAcceptsMax how many connections are accepted ahead of the loop.
	uringAcceptRequests = 4
	uringAcceptAnswers  = 128
	uringAcceptsMax     = acceptsMax

	// uringBufferCount buffers of uringBufferBytes are lent to the kernel for
	// what it receives ahead, for all connections of a loop together.
	uringBufferCount = 512
	uringBufferBytes = 4 << 10

	// uringBulkBytes received ahead and not yet read end that for a connection;
	// what comes in the same turn is added to it. uringSmallReads in a row, of at
	// most uringBufferBytes, let it begin again.
	uringBulkBytes  = 4 * uringBufferBytes
	uringSmallReads = 32

	// uringSendBytes is the largest message that the ring sends, uringPostsMax how
	// many of them one system call may have to send: the first must not wait for
	// all of a long turn. uringOutboxBytes holds their copies.
	uringSendBytes   = 4 << 10
	uringPostsMax    = 64
	uringOutboxBytes = uringPostsMax * uringSendBytes

	// uringLateTime is how long such a message may still be taken by the peer of a
	// closed connection, when the kernel had no room for it at first.
	uringLateTime = 10 * time.Second

	// uringCloseRounds times uringCloseTime bound how long ending waits for the
	// kernel to give requests back.
	uringCloseRounds = 100
	uringCloseTime   = 10 * time.Millisecond
)
