// Package front turns bytes from clients into exchanges: listeners, connections,
// HTTP/1 framing, time limits, trusted proxies, the access log. It imports site
// and http1.
//
// A Server has one local part per loop; nothing of a local is touched from
// another goroutine. Requests that arrive in goroutines (ServeHTTP) cross a
// bridge: its one end is of the loop (bridge_stream.go), the other of the
// goroutine (bridge.go), and between them are a locked queue and two channels.
package front
