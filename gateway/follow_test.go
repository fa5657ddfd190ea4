package gateway

import (
	"testing"

	"sluice/fcgi"
	"sluice/message"
)

// TestMayFollow: which requests may be written behind others, and so be run twice.
func TestMayFollow(t *testing.T) {
	tests := []struct {
		name   string
		method string
		change func(r *Request)
		want   bool
	}{
		{"GET", "GET", nil, true},
		{"HEAD", "HEAD", nil, true},
		{"POST", "POST", nil, false},
		{"DELETE", "DELETE", nil, false},
		{"with a query", "GET", func(r *Request) { r.Env.Query = []byte("add-to-cart=7") }, false},
		{"with content", "GET", func(r *Request) { r.hasBody = true }, false},
		{"through a gate, whose place its copy would keep", "GET", func(r *Request) { r.Gates = []Through{{}} }, false},
		{"was behind before", "GET", func(r *Request) { r.first = true }, false},
		{"authorizer", "GET", func(r *Request) { r.Role = fcgi.Authorizer }, false},
		{"filter", "GET", func(r *Request) { r.Role = fcgi.Filter }, false},
		{"pairs of the caller's", "GET", func(r *Request) { r.Pairs = []byte{1} }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Request{}
			r.Env.Request = &message.Request{Method: []byte(tt.method)}
			if tt.change != nil {
				tt.change(r)
			}
			if got := r.mayFollow(); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
