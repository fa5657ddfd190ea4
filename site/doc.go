// Package site holds the virtual hosts: it resolves a request to a Plan
// (resolve.go: no I/O but cached facts about files) and starts who fulfils it
// (serve.go). An Exchange is one request and its response, owned by one loop and
// used again.
//
// A Site is immutable and shared; a Host and its locals belong to one loop. The
// package imports gateway, static, cgi, fcgi, message and loop.
package site
