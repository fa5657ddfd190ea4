package site

// Named is the site that serves a host[:port] and a path as a URL has it; nil if
// none does. Any goroutine may ask: what it looks at never changes.
func (h *Host) Named(authority, path string) *Site {
	if sl := h.find([]byte(authority), []byte(path)); sl != nil {
		return sl.Site
	}
	return nil
}
