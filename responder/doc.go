// Package responder is the application's side of FastCGI, for the small servers
// inside sluice that answer a pool of its own: cgid and proxied. It takes requests
// of the responder role (§6.2), one at a time on each connection, and leaves what
// answers them to Options.Begin.
//
// # What it owns
//
// A Server owns a private folder (mode 0700) with one Unix socket in it, which only
// this user can reach (folder.go), and all its connections. Close gives them back.
// Folders that a killed sluice has left behind are removed on the way.
//
// # Goroutines
//
// One accepts (server.go); one per connection reads records (conn.go), and one per
// request answers it (request.go). Exported methods may be called from any goroutine.
//
// # Imports
//
// Standard library and the record codec of fcgi.
package responder
