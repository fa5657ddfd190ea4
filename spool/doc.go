// Package spool holds octets that wait: a request's content until a worker is
// taken, a response until a slow client has read it. They stay in memory first
// and go to an unlinked temporary file when there are many.
//
// A Spool belongs to one loop. Files are written by a goroutine, one write at a
// time, for a disk may block. It imports loop.
package spool
