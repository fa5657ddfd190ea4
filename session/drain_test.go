package session

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Drain waits for requests under way and takes no new ones; a second one, or one
// of a transport that does nothing, is over at once.
func TestDrain(t *testing.T) {
	began, goOn := make(chan struct{}), make(chan struct{})
	tr := transport(t, goBackend(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-goOn
		_, _ = w.Write([]byte("done"))
	})), nil)
	h := tr.Handler(basic, nil)
	got := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		got <- rec
	}()
	<-began
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := tr.Drain(soon); !errors.Is(err, context.DeadlineExceeded) || !tr.Closed() {
		t.Errorf("with a request under way: %v", err)
	}
	rec := httptest.NewRecorder()
	if h.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil)); rec.Code != 503 {
		t.Errorf("a new request: %d", rec.Code)
	}
	drained := make(chan error, 1)
	go func() { drained <- tr.Drain(t.Context()) }()
	close(goOn)
	if rec := <-got; rec.Body.String() != "done" {
		t.Errorf("the request under way: %d %q", rec.Code, rec.Body)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if err := tr.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	tr.Close()
	if err := tr.Drain(t.Context()); err != nil {
		t.Errorf("after Close: %v", err)
	}
}
