// Package sluice hosts PHP sites inside a Go program: a Server is an
// http.Handler that serves a folder as `sluice serve` does, with PHP workers of
// its own, .htaccess files, static files, limits and logs.
//
//	blog, err := sluice.New(sluice.Options{Root: "/srv/blog", Path: "/blog"})
//	if err != nil { … }
//	defer blog.Close()
//	http.Handle("/blog/", blog)
//
// Requests cross from net/http's goroutines into the event loops on which all of
// sluice runs, and are served there as those of its own connections are
// (front.Server.ServeHTTP). A Hook can look at a request before and at a
// response's head after. docs/embedding.md tells more.
//
// The package assembles nothing itself: that is host. The program is cmd/sluice.
package sluice
