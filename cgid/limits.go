package cgid

import "time"

const (
	// concurrencyDefault is Options.Concurrency.
	concurrencyDefault = 32
	// nphHeadBytesMax bounds the head that an nph program writes, like that of
	// any other (cgi.HeadReader).
	nphHeadBytesMax = 256 << 10
	// chunkLineBytesMax bounds the line that begins a chunk, with extensions.
	chunkLineBytesMax = 256
	// stderrBytesMax is how much of STDERR is passed on per request; a program
	// that writes more is not held up.
	stderrBytesMax = 64 << 10
	// scriptHeadBytes is how much of a script is looked at for php-cgi.
	scriptHeadBytes = 4 << 10
	// phpFilesLookedAt bounds the files that are looked at for php-cgi behind one
	// script: its interpreter, that one's interpreter…
	phpFilesLookedAt = 16
	// compareBytes is what is read at once of a file that may be php-cgi's copy.
	compareBytes = 64 << 10
	// argumentsBytesMax and argumentsMax bound the words of an indexed query.
	argumentsBytesMax = 4 << 10
	argumentsMax      = 256

	// killTime is how long a process group may take over SIGTERM, as long as
	// fcgi gives a PHP script.
	killTime = 2 * time.Second
	// lingerTime is how long an exited program's output may be silent before
	// whoever keeps it open is given up.
	lingerTime = 2 * time.Second
	// exitTime is how long the exit of a program that closed its output, and
	// its STDERR, are waited for, so that what it said belongs to the answer.
	exitTime = 100 * time.Millisecond
	// afterTimeMax is how long a program may go on after its answer when there
	// is no Options.Timeout.
	afterTimeMax = 5 * time.Minute
	// probeTime is how often it is looked whether a client is still there while
	// a program does not read its input.
	probeTime = time.Second
)
