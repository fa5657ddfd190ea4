package fcgi

import (
	"time"

	"sluice/loop"
)

// Channel is one request's way to its backend: a connection of its own (Conn),
// or a part of a shared one (slot). It is the asker's from Asker.Granted until
// Stream.Ended, Stream.Failed, Abandon or Kill.
type Channel interface {
	// ID is the id that this request's records bear.
	ID() uint16
	// Write queues octets of records, copying them. A record is to be written
	// whole before Full is asked again.
	Write(p []byte)
	// WriteShared queues octets that must not change before Queued is 0.
	WriteShared(p []byte)
	// WriteFile queues a range of a file; see loop.Conn.
	WriteFile(f loop.FileRef, off, n int64)
	// Full asks to stop feeding until Stream.Drained: the backend is slow, or it
	// is another request's turn.
	Full() bool
	// Queued is the number of octets given to WriteShared or before them that
	// are still in use.
	Queued() int64
	// StdinDone notes that the whole request has been written.
	StdinDone()
	// Pause and Resume hold back the answer. On a shared connection they hold
	// back everybody's.
	Pause()
	Resume()
	// Abandon gives the request up; after limit its worker is ended. Not to be
	// called from within Stream.Stdout or Stream.Stderr.
	Abandon(limit time.Duration)
	// Kill gives the request up and ends its worker, where it has one of its own.
	Kill()

	// Shared tells whether other requests use the same connection.
	Shared() bool
	// Server is Server.Key of who has the request.
	Server() string
	// Started tells whether anything was received for this request.
	Started() bool
	// Reused tells whether the connection had served a request before this one.
	Reused() bool
	// Accepted tells whether the kernel took anything of this request.
	Accepted() bool
}

// Stream receives the answer to one request. After Ended or Failed nothing more
// comes.
type Stream interface {
	// Stdout and Stderr bring a piece; it dies when Turn or Ended returns.
	Stdout(p []byte)
	Stderr(p []byte)
	// Turn: all that has arrived for now was given.
	Turn()
	// Drained: after Channel.Full, more of STDIN may be sent.
	Drained()
	// Ended: END_REQUEST has come. The channel is no longer the stream's.
	Ended(end EndRequestBody)
	// Failed: the connection broke or the backend broke the protocol.
	Failed(err error)
}

// Asker wants a channel for one request.
type Asker interface {
	// Granted gives it; the Stream receives the answer. It may be called from
	// within Ask.
	Granted(c Channel) Stream
	// Refused says that there will be none.
	Refused(err error)
}

// Want says what kind of channel a request needs.
type Want struct {
	// Fresh wants a new connection, because a kept one has just broken.
	Fresh bool
	// Check wants a kept connection looked at before it is used, because the
	// request can't be repeated.
	Check bool
	// Whole: the request is written whole when it is granted, and may be run twice;
	// its Stream may meet ErrBehind.
	Whole bool
	// Again: its Stream has met ErrBehind, so the Ticket has its old place.
	Again bool
	// Server is the Key of the server to go to; while that is up, no other is
	// taken. Empty, or one that does not exist: any.
	Server string
	// Avoid is the Key of a server that has just failed; it is taken only if
	// there is no other.
	Avoid string
	// Left is told once when the backend is done with the request that it was
	// given, also one that was given up: its worker is free then. May be nil.
	Left Leaver
}

// Leaver is told that a request has left its backend; on the loop.
type Leaver interface{ Left() }

// departure tells a Leaver once.
type departure struct{ who Leaver }

func (d *departure) tell() {
	if l := d.who; l != nil {
		d.who = nil
		l.Left()
	}
}
