// Package front turns bytes from clients into exchanges: listeners, connections,
// HTTP/1 framing, time limits, trusted proxies, the access log. It imports site
// and http1.
//
// A Server has one local part per loop; nothing of a local is touched from
// another goroutine.
package front
