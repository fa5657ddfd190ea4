// Package php finds php-cgi and starts, watches and ends its workers. It knows
// nothing of HTTP; requests reach the workers through the addresses that
// Group.Servers returns.
//
// # What it owns
//
// A Group owns a private folder (mode 0700), the listening sockets in it, the
// ini file and probe script, and every php-cgi process of one site. Stop gives
// all of them back.
//
// # Goroutines
//
// Each supervised process has one supervisor goroutine, tied to its OS thread
// (see "No process is left behind"), one that waits for the process to exit and
// one that reads its output. Exported methods may be called from any goroutine;
// all of them may block on system calls, so an event loop calls them through a
// goroutine. Options.OnChange is called from a supervisor and must not block.
//
// # Imports
//
// Standard library, zap and golang.org/x/sys. Nothing of sluice.
//
// # Why php-cgi gets its listening socket as descriptor 0
//
// FastCGI calls it FCGI_LISTENSOCK_FILENO. Tried with php-cgi 8.2: without -b it
// serves a listening socket on descriptor 0, PHP_FCGI_CHILDREN included. The
// socket then belongs to sluice: it exists before php runs and survives the
// death of the parent, so that connections made meanwhile wait in the backlog
// instead of being refused. With -b the path would be unlinked and bound anew at
// every restart. Only ModeSingleTCP (Windows) uses -b.
//
// # Why settings travel in an ini file
//
// PHP_INI_SCAN_DIR=":FOLDER" (the empty first element keeps the compiled-in
// folder) makes php read our file last, so it wins over php.ini. "-d k=v" would
// do the same, but shows passwords (session.save_path) in the process list.
//
// # Signals, as measured on php-cgi 8.2
//
//   - SIGTERM only sets a flag: a worker in a request finishes it; a worker idle
//     on a kept connection goes on waiting, and serves the next request before it
//     exits; with the connection closed it exits at once. Retire therefore sends
//     SIGTERM and shuts the connection down.
//   - SIGPROF is what max_execution_time raises. Sent from outside it ends the
//     running script with a fatal error, shutdown functions included, even out of
//     sleep() and after set_time_limit(0); the worker lives and the connection
//     stays usable. That is Interrupt. A script stuck in a C library may not get
//     there: then Kill with SIGKILL.
//   - The parent passes SIGTERM on to its process group and exits without waiting.
//
// # No process is left behind
//
// On Linux the parent has PR_SET_PDEATHSIG, which fires when the thread that
// forked it ends, hence the tied thread. That does not reach a child in a busy
// script, so a pipe does the rest: its read end, inherited by all of the process
// group, is set to signal the group with SIGKILL (F_SETOWN, F_SETSIG, O_ASYNC)
// when its only write end, ours, goes away. On Windows a job object does it. On
// other systems workers survive a SIGKILL of sluice.
package php
