// Package proxied passes requests on to other HTTP servers, as Apache's mod_proxy
// and mod_proxy_http do for a RewriteRule's [P]: a small server inside sluice takes
// responder requests on a private Unix socket, asks the server that TARGET names with
// net/http's Transport, and gives its answer back as a CGI response. So gateway and
// fcgi serve what is passed on with the queue, spooling and aborts that they have for
// PHP, and no loop ever waits for a name, a handshake or another server.
//
// # What it owns
//
// A Server owns the socket (responder), and the connections to other servers. Close
// gives all of them back.
//
// # Goroutines
//
// Those of responder, of which one per request does the exchange (exchange.go).
// Exported methods may be called from any goroutine.
//
// # Imports
//
// Standard library, the record codec of fcgi, and cgi, message, responder.
//
// # What is passed on
//
// Field lines as they are but for those of one connection (RFC 9110 §7.6.1), Host,
// which is the target's (ProxyPreserveHost Off), and X-Forwarded-For, -Host and
// -Server, which are added to (ProxyAddHeaders On). Redirects are the client's
// business, and so are codings. Interim responses are dropped. A server whose
// certificate the system's roots do not vouch for is not asked; Apache asks it.
//
// # Who may be asked
//
// Only servers that Options.To names, over http, https, or a Unix socket. A request
// that has come by several proxies like this one already is taken for one that goes
// in a circle (hopsMax).
//
// # Failures
//
// An answer of ours, not of the other server, carries the field FaultField, which
// says why; nothing of that name is passed on. A response that breaks off breaks its
// FastCGI connection off, so that nothing of a half answer looks complete.
package proxied
