// Package gateway carries one request to a FastCGI backend and its response
// back: the content is spooled before a worker is taken, the response is
// spooled where the client is slow, so that a worker is held only while it
// works. retry.go says when a request is sent again. role.go and authorize.go
// have the other two roles of FastCGI: a Filter gets a file besides the content,
// an Authorizer decides whether a request goes on at all.
//
// Everything belongs to one loop. It imports fcgi, cgi, spool, message, loop.
package gateway
