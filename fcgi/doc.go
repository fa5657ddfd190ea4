// Package fcgi speaks FastCGI 1.0 as a web server does: records and
// name-value pairs (sans-IO: record.go, decoder.go, params.go), and on top of
// them connections and the pools that share a backend's workers among event
// loops (conn.go, pool.go, local.go).
//
// A Conn and a Local belong to one loop. A Pool is shared by all: it holds
// atomic counters only.
//
// Section numbers are those of the FastCGI Specification, 29 April 1996.
package fcgi
