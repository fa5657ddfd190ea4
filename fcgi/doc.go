// Package fcgi speaks FastCGI 1.0 as a web server does: records and
// name-value pairs (sans-IO: record.go, decoder.go, params.go), and on top of
// them connections and the pools that share a backend's servers among event
// loops.
//
//   - pool.go, server.go: what all loops share of a backend and of each of its
//     servers; health.go: when a server is down; check.go: the checks of our own;
//     resolve.go: servers known by name.
//   - local.go, queue.go: a loop's connections, and who waits for one; branch.go,
//     choose.go: a loop's part of one server, and which is taken.
//   - channel.go: what one request has of a connection. conn.go is a connection
//     with one request at a time (php), ending.go the end of its worker; mux.go
//     is one that many share, slot.go one request on it; probe.go asks which of
//     the two a server can do.
//
// A Conn, a mux and a Local belong to one loop. A Pool is shared by all: it holds
// atomic values only, and SetServers' lock, which no loop takes. A Resolver has
// its own goroutine. It imports loop.
//
// Section numbers are those of the FastCGI Specification, 29 April 1996.
package fcgi
