package front

import "sluice/site"

// SiteOf is the site that serves a host[:port] and a path as a URL has it; nil if
// none does. Any goroutine may ask.
func (s *Server) SiteOf(authority, path string) *site.Site {
	return s.locals[0].host.Named(authority, path)
}
