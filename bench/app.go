//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"strconv"
	"sync"
	"time"
)

// appCommand is the argument that makes bench a FastCGI backend.
const appCommand = "serve-fastcgi"

// The backend's two handlers; both answer with appText.
const (
	appFast = "/at-once"
	appSlow = "/waits"
	appText = "hello from go\n"
)

// serveApp is a FastCGI program as one writes it in Go: many requests may share
// a connection. args: network, address, connections at once (0: any number).
func serveApp(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("bench: %s takes 3 arguments, not %q", appCommand, args)
	}
	most, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("bench: %s: number of connections %q", appCommand, args[2])
	}
	l, err := net.Listen(args[0], args[1])
	if err != nil {
		return err
	}
	if most > 0 {
		l = &fewListener{l, make(chan struct{}, most)}
	}
	return fcgi.Serve(l, appHandler())
}

func appHandler() http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, appText) // who has gone needs none
	}
	mux.HandleFunc(appFast, answer)
	mux.HandleFunc(appSlow, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(appWait)
		answer(w, r)
	})
	return mux
}

// fewListener accepts a connection only when fewer than cap(open) are open:
// the others wait in the backlog.
type fewListener struct {
	net.Listener
	open chan struct{}
}

func (l *fewListener) Accept() (net.Conn, error) {
	l.open <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.open
		return nil, err
	}
	return &fewConn{Conn: c, done: func() { <-l.open }}, nil
}

type fewConn struct {
	net.Conn
	once sync.Once
	done func()
}

func (c *fewConn) Close() error {
	c.once.Do(c.done)
	return c.Conn.Close()
}
