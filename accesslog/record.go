package accesslog

import (
	"net/netip"
	"time"
)

// Record is what the log tells about one request. The slices are only read
// during Append; an empty one means that the request had no such thing.
type Record struct {
	Time      time.Time  // when the request's head was complete
	Remote    netip.Addr // the client; the zero value for a Unix socket
	User      []byte     // who the client authenticated as
	Method    []byte
	Target    []byte // request-target as sent
	Proto     []byte // "HTTP/1.1"
	Host      []byte // host[:port] as sent
	Referer   []byte
	UserAgent []byte
	RequestID []byte
	Status    int
	Bytes     int64         // content octets sent
	Duration  time.Duration // from Time to the last octet sent
}
