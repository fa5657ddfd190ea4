// Package accesslog writes one line per answered request, in Apache's combined
// form or as JSON.
//
// It owns the log's file, a Writer per event loop, and two goroutines: one that
// writes (and is the only one to touch the file), one that keeps the clock. A
// Writer belongs to its loop: Append formats into the loop's own buffer without
// a lock and without allocating. The buffer is handed over when it holds 64 KiB
// or when a second has passed. A slow disk never blocks a loop: what does not
// fit the bounded queue is dropped, counted and reported.
//
// Lines of different loops are in order within each loop, and about a second
// apart between loops.
//
// The package imports nothing of ours.
package accesslog
