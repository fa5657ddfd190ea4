// Package http1 reads requests and writes response heads of HTTP/1.0 and 1.1
// (RFC 9112). It is sans-IO: bytes in, events out; no sockets, clocks or
// goroutines. It imports message only.
//
// It is strict where lenience lets one message be read as two (request
// smuggling): such requests are answered with 400 and the connection is closed,
// since nobody knows where the next one begins.
package http1
