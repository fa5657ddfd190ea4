// Package session ties requests to a client and a backend.
//
//   - sticky.go, key.go: the signed cookie that sends a client back to the server
//     that had him before. Pure code but for LoadKey.
//   - transport.go, client.go: gofast's Client and ClientFactory over the gateway
//     and its pools, so that gofast's session handlers, middlewares, handlers,
//     authorizers and filters run unchanged; handler.go runs them without gofast's
//     pipes. guard.go is what is checked after foreign code had the request.
//     Server.Session of package sluice gives out one for an embedded site.
//
// exchange.go carries one such request: its methods that the gateway calls run on
// a loop, Do and the rest in the caller's goroutine. They meet in flow.go, the
// queue of the response, which has a lock, and in loop.Post.
//
// Nothing that serves a plain site uses gofast. It imports gateway, fcgi, cgi,
// message, loop.
package session
