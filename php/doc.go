// Package php finds php-cgi and php-fpm and starts, watches and ends their
// workers, and asks a php-fpm of somebody else how it does. It knows nothing of
// HTTP; requests reach the workers through the addresses that
// Group.Servers returns.
//
// # What it owns
//
// A Group owns a private folder (mode 0700), the listening sockets in it, the
// ini file and probe script, php-fpm's configuration, and every PHP process of one
// site. Stop gives all of them back.
//
// A Private owns the lock of a site's folder, and the folders in it as long as they
// are empty: what scripts have put there stays.
//
// # Goroutines
//
// Each supervised process has one supervisor goroutine, tied to its OS thread
// (see "No process is left behind"), one that waits for the process to exit and
// one that reads its output; each process that a Reload replaces has one until it
// is gone, the slow log of a php-fpm has one, and so has a Private. Exported methods
// may be called from any goroutine; all of them may block on system calls, so an
// event loop calls them through a goroutine. Options.OnChange is called from a supervisor and must not block.
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
// # How php-fpm gets it
//
// php-fpm hands its sockets to itself over a reload in FPM_SOCKETS
// ("name=descriptor"). We start it as if we were the php-fpm before: it takes our
// socket (tried with 8.2), with the same gain. It removes the file of the socket's
// name when it ends, so the name that it knows is one that no file has.
//
// # Reload
//
// Fresh processes start beside the old ones on a socket of their own, and the
// caller moves its connections over. Nobody but the caller closes a connection
// that may carry a request: that is why nothing is lost, whatever the method.
//
// php-fpm's own reload and pm.max_requests close a kept connection right after an
// answer. Measured with two connections that are always busy, without retries: ten
// reloads by SIGUSR2 lost 15 requests and took four fifths of the throughput, for
// nobody is served until the last worker is done, where ten Reloads lost none;
// with pm.max_requests = 20 each of 260 ends lost one. So pm.max_requests is a
// backstop here, too, and workers end by Retire.
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
//   - php-fpm 8.2: SIGQUIT is to a worker what SIGTERM is to php-cgi's; SIGTERM ends
//     it at once. Its master passes SIGQUIT on and waits. SIGPROF is the same. A
//     script's sleep() and usleep() return early on any of them.
//   - The parent passes SIGTERM on to its process group and exits without waiting.
//
// # Kept connections and fastcgi_finish_request
//
// After fastcgi_finish_request php-fpm 8.2 sends END_REQUEST and keeps the
// connection, while its worker runs on: a request sent there waits for that. fcgi
// (linger.go) looks whether the worker is back.
//
// # Workers of another user
//
// Started by root, php-cgi is the account's from its start, php-fpm's workers become
// so. The run folder stays root's, so that nobody can put a link where we write;
// the account may pass through (mode 0710) and read its ini file. Sockets are root's
// alone: a script that could connect would set what its administrator has fixed
// (PHP_ADMIN_VALUE).
//
// Looking at such a process in /proc takes CAP_SYS_PTRACE, which root in a container
// lacks. The same is allowed to a thread with the process's file system user and
// group (setfsuid(2)) and capabilities that include the process's, which has none.
//
// # No process is left behind
//
// On Linux the parent has PR_SET_PDEATHSIG, which fires when the thread that
// forked it ends, hence the tied thread. That does not reach a child in a busy
// script, so a pipe does the rest: its read end, inherited by all of the process
// group, is set to signal the group with SIGKILL (F_SETOWN, F_SETSIG, O_ASYNC)
// when its only write end, ours, goes away. That signal is checked against who
// called F_SETOWN: the machine's root may signal all, the root of a user namespace
// its own, so there the call is made in the account's name. On Windows a job object
// does it. On other systems workers survive a SIGKILL of sluice.
package php
