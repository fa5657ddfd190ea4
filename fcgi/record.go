package fcgi

// Version is FCGI_VERSION_1 (§3.3).
const Version = 1

// Type is a record's type (§8).
type Type uint8

// Record types.
const (
	BeginRequest    Type = 1
	AbortRequest    Type = 2
	EndRequest      Type = 3
	Params          Type = 4
	Stdin           Type = 5
	Stdout          Type = 6
	Stderr          Type = 7
	Data            Type = 8
	GetValues       Type = 9
	GetValuesResult Type = 10
	UnknownType     Type = 11
)

var typeNames = [...]string{"type 0", "BEGIN_REQUEST", "ABORT_REQUEST", "END_REQUEST", "PARAMS", "STDIN", "STDOUT", "STDERR", "DATA", "GET_VALUES", "GET_VALUES_RESULT", "UNKNOWN_TYPE"}

func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "an unknown type"
}

// isStream tells whether the type is a byte stream, which an empty record ends
// (§3.3).
func (t Type) isStream() bool { return t >= Params && t <= Data }

// Role is what the backend is asked to do (§6).
type Role uint16

// Roles.
const (
	Responder  Role = 1
	Authorizer Role = 2
	Filter     Role = 3
)

// ProtocolStatus says how the backend took a request (§5.5).
type ProtocolStatus uint8

// Protocol statuses.
const (
	RequestComplete ProtocolStatus = 0
	CantMpxConn     ProtocolStatus = 1
	Overloaded      ProtocolStatus = 2
	UnknownRole     ProtocolStatus = 3
)

func (s ProtocolStatus) String() string {
	switch s {
	case RequestComplete:
		return "REQUEST_COMPLETE"
	case CantMpxConn:
		return "CANT_MPX_CONN"
	case Overloaded:
		return "OVERLOADED"
	case UnknownRole:
		return "UNKNOWN_ROLE"
	default:
		return "an unknown protocolStatus"
	}
}

// KeepConn is FCGI_KEEP_CONN (§5.1).
const KeepConn = 1

// HeaderBytes is the length of a record's header (§3.3):
//
//	version type requestId(2) contentLength(2) paddingLength reserved
const HeaderBytes = 8

// AppendHeader writes a record's header. content is at most 65535 octets.
func AppendHeader(dst []byte, t Type, id uint16, content, padding int) []byte {
	return append(dst, Version, byte(t), byte(id>>8), byte(id), byte(content>>8), byte(content), byte(padding), 0)
}

// AppendBeginRequest writes BEGIN_REQUEST (§5.1).
func AppendBeginRequest(dst []byte, id uint16, role Role, flags uint8) []byte {
	dst = AppendHeader(dst, BeginRequest, id, 8, 0)
	return append(dst, byte(role>>8), byte(role), flags, 0, 0, 0, 0, 0)
}

// AppendEndRequest writes END_REQUEST (§5.5), as a backend does.
func AppendEndRequest(dst []byte, id uint16, appStatus uint32, s ProtocolStatus) []byte {
	dst = AppendHeader(dst, EndRequest, id, 8, 0)
	return append(dst, byte(appStatus>>24), byte(appStatus>>16), byte(appStatus>>8), byte(appStatus), byte(s), 0, 0, 0)
}

// AppendAbortRequest writes ABORT_REQUEST (§5.4).
func AppendAbortRequest(dst []byte, id uint16) []byte {
	return AppendHeader(dst, AbortRequest, id, 0, 0)
}

// AppendUnknownType writes UNKNOWN_TYPE (§4.2).
func AppendUnknownType(dst []byte, t Type) []byte {
	dst = AppendHeader(dst, UnknownType, 0, 8, 0)
	return append(dst, byte(t), 0, 0, 0, 0, 0, 0, 0)
}

// AppendRecord writes one record of at most 65535 octets, padded to a multiple
// of 8 as §3.3 recommends.
func AppendRecord(dst []byte, t Type, id uint16, content []byte) []byte {
	padding := -len(content) & 7
	dst = AppendHeader(dst, t, id, len(content), padding)
	dst = append(dst, content...)
	return append(dst, zeros[:padding]...)
}

var zeros [8]byte

// AppendStream writes content of any length as records of a stream, without the
// empty record that ends it.
func AppendStream(dst []byte, t Type, id uint16, content []byte) []byte {
	for len(content) > 0 {
		n := min(len(content), contentBytesMax)
		dst = AppendRecord(dst, t, id, content[:n])
		content = content[n:]
	}
	return dst
}
