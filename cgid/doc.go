// Package cgid runs plain CGI programs (RFC 3875) behind FastCGI, as Apache's
// mod_cgid does behind a protocol of its own: a small server inside sluice takes
// responder requests on a private Unix socket and runs, for each, the program
// that SCRIPT_FILENAME names. So gateway and fcgi serve CGI programs with the
// queue, permits, spooling, time limits and aborts that they have for PHP.
//
// # What it owns
//
// A Server owns the socket (responder), and every program it started, as a process
// group of its own. Close gives all of them back.
//
// # Goroutines
//
// Beside those of responder, of which one per request runs the program (run.go),
// there is one for each of its outputs (relay.go) and one that waits for it to
// exit. On Linux programs are started by one goroutine that is tied to its thread
// (process_linux.go). Exported methods may be called from any goroutine;
// Options.Log is called from all of them.
//
// # Imports
//
// Standard library, golang.org/x/sys, the record codec of fcgi, and responder.
//
// # What a program gets
//
// No shell is involved: the file is executed by the kernel. Its folder is the
// working folder. Its environment is made of the request's PARAMS, PATH and
// Options.Environment, nothing of sluice's own (environment.go). Its arguments
// are the words of an indexed query (§4.4) when all of them are harmless
// (arguments.go). A program that can't be run gives the status that Apache 2.4
// gives: 404 if it is not there, 403 for a folder, 500 if it can't be executed
// (script.go).
//
// php-cgi is refused (phpfile.go): by its name, and under any name by what the file
// is, itself or a copy of one in Options.PHP. So are scripts whose #! line leads to
// it, and shell scripts with a line that names it. A program in another language, or
// a script that finds php-cgi by other means, can't be known.
//
// # How it ends
//
// The answer is over when the program's output is closed, as with Apache. A
// program that goes on after closing its output is left alone for Options.Timeout
// or afterTimeMax; the connection serves the next request meanwhile. When the
// program has exited and something it started keeps the output open, the answer
// ends after lingerTime of silence; Apache would wait until its own time limit.
// That something is not killed: jobs that scripts leave behind live on, as with
// Apache, but their standard error is closed.
//
// When the client has gone or a limit is passed, the whole process group gets
// SIGTERM and, killTime later, SIGKILL. An answer that had begun is then cut by
// closing the connection without END_REQUEST, so that it can't look complete.
//
// A program that ends with a status other than 0, or by a signal, has answered
// all the same if it wrote a head: Apache does so, and there are programs that
// crash in their last clean-up. END_REQUEST carries the status, as shells write
// it (128 and the signal).
package cgid
