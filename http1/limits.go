package http1

// Limits bound what a request's framing may cost. Zero values mean the
// defaults.
type Limits struct {
	// RequestLineBytes bounds the request line; over it: 414.
	RequestLineBytes int
	// HeadBytes bounds the whole head; over it: 431.
	HeadBytes int
	// FieldLines bounds the number of field lines; over it: 431.
	FieldLines int
}

// Defaults, the ones that nginx and Apache have in about the same size.
const (
	requestLineBytesDefault = 8 << 10
	headBytesDefault        = 32 << 10
	fieldLinesDefault       = 100

	// methodBytesMax: no registered method is near it.
	methodBytesMax = 32
	// leadingLinesMax is how many empty lines may stand before a request line
	// (RFC 9112 §2.2 asks for at least one).
	leadingLinesMax = 2
	// chunkLineBytesMax bounds a chunk-size line with its extensions, which
	// would else carry data that no body limit counts.
	chunkLineBytesMax = 256
	// trailerBytesMax bounds the trailer section; it is read and thrown away.
	trailerBytesMax = 8 << 10
	// lengthDigitsMax keeps Content-Length within an int64.
	lengthDigitsMax = 18
	// chunkDigitsMax keeps a chunk size within an int64.
	chunkDigitsMax = 15
)

func (l Limits) withDefaults() Limits {
	if l.RequestLineBytes <= 0 {
		l.RequestLineBytes = requestLineBytesDefault
	}
	if l.HeadBytes <= 0 {
		l.HeadBytes = headBytesDefault
	}
	if l.FieldLines <= 0 {
		l.FieldLines = fieldLinesDefault
	}
	return l
}
