package http1

// Error is a request that cannot be served. The connection must be closed after
// answering with Status.
type Error struct {
	Status int
	Msg    string
}

func (e *Error) Error() string { return "http1: " + e.Msg }

// The closed set of what can be wrong with a request.
var (
	errBareLF        = &Error{400, "line feed without carriage return"}
	errBareCR        = &Error{400, "carriage return inside a line"}
	errRequestLine   = &Error{400, "request line is not METHOD SP TARGET SP VERSION"}
	errMethod        = &Error{400, "method is not a token"}
	errTarget        = &Error{400, "request-target has a character that must be encoded"}
	errTargetForm    = &Error{400, "request-target has a form that the method does not allow"}
	errVersion       = &Error{505, "HTTP version is not 1.0 or 1.1"}
	errFieldName     = &Error{400, "field name is not a token directly followed by a colon"}
	errFieldValue    = &Error{400, "field value has a control character"}
	errFold          = &Error{400, "folded field line (obs-fold)"}
	errHost          = &Error{400, "Host is missing, repeated or not a host"}
	errLength        = &Error{400, "Content-Length is repeated or not a number"}
	errLengthAndTE   = &Error{400, "both Content-Length and Transfer-Encoding"}
	errTE            = &Error{400, "Transfer-Encoding is not exactly \"chunked\""}
	errTEVersion     = &Error{400, "Transfer-Encoding in HTTP/1.0"}
	errExpect        = &Error{417, "Expect is not 100-continue"}
	errLineTooLong   = &Error{414, "request line is too long"}
	errHeadTooLong   = &Error{431, "head is too long"}
	errTooManyFields = &Error{431, "too many field lines"}
	errEmptyLines    = &Error{400, "empty lines instead of a request"}
	errChunkSize     = &Error{400, "bad chunk size"}
	errChunkEnd      = &Error{400, "chunk data is not followed by CRLF"}
	errTrailer       = &Error{400, "bad or too long trailer section"}
)
