package sluice

import "net/http"

// Hook looks at requests and responses on their way. Its functions may be nil;
// they are called in the goroutines of ServeHTTP, any number at a time.
type Hook struct {
	// Request is called before a request is served. It may change r, which is a
	// copy: its fields, r.URL, r.Host, r.RemoteAddr, and r.Body together with
	// r.ContentLength. A handler that it returns answers instead; nil goes on.
	Request func(r *http.Request) http.Handler
	// Response is called with the head of a response, before it is sent. It may
	// change the fields, and answers the status to send. Content-Length stays
	// that of the content. It is not called for the answers of Request's handler.
	Response func(r *http.Request, status int, header http.Header) int
}

// hooked shows a response's head to a Hook.
type hooked struct {
	http.ResponseWriter
	request *http.Request
	respond func(*http.Request, int, http.Header) int
	sent    bool
	bare    bool // the hook's status takes no content
}

// Unwrap is for http.ResponseController.
func (h *hooked) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (h *hooked) WriteHeader(status int) {
	if h.sent {
		return
	}
	h.sent = true
	header := h.Header()
	length, known := header["Content-Length"]
	status = h.respond(h.request, status, header)
	delete(header, "Content-Length")
	if h.bare = status == http.StatusNoContent || status == http.StatusNotModified; known && !h.bare {
		header["Content-Length"] = length
	}
	h.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (h *hooked) Write(p []byte) (int, error) {
	if !h.sent {
		h.WriteHeader(http.StatusOK)
	}
	if h.bare {
		return len(p), nil
	}
	return h.ResponseWriter.Write(p)
}
