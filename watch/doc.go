// Package watch tells when names in folders appear, change or vanish, so that
// what is remembered of them can be forgotten at once. It is an acceleration:
// where the system has no such service, or has run out of it, nothing is told,
// and whoever remembers something must look again after a while all the same.
//
// A Watcher has one goroutine, which calls back. Add may be called by anybody.
// The package imports nothing of ours.
package watch
