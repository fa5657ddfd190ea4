// Package host puts a running server together: from a checked configuration to
// loops, sites, PHP workers, other FastCGI applications, CGI programs and logs.
// The command line (cmd/sluice) and the library (package sluice) both use it.
// It knows no flags, no signals and no exit codes, and changes nothing of the
// process: that is for whoever owns it.
//
// Start and Stop are for one goroutine; what they start runs on loops and on the
// goroutines of the packages below. It may import everything below it in the
// table of docs/ARCHITECTURE.md.
package host
