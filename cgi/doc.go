// Package cgi is RFC 3875 without I/O: the meta-variables of a request
// (environment.go) and the parser of a script's response head (response.go).
// FastCGI backends and plain CGI programs use both. It imports message only.
package cgi
