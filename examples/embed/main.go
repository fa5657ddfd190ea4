// Command embed shows a PHP folder inside a Go program: net/http listens, Go
// answers "/", PHP answers what is below "/php/", and a hook stands between them.
//
//	go run ./examples/embed -listen 127.0.0.1:8080
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sluice"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	root := flag.String("root", "examples/embed/pages", "folder with PHP pages")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *root); err != nil {
		fmt.Fprintln(os.Stderr, "embed:", err)
		os.Exit(1)
	}
}

// run serves until ctx is over.
func run(ctx context.Context, listen, root string) (err error) {
	pages, err := sluice.New(sluice.Options{
		Root: root, Path: "/php", Workers: 2,
		Hook: sluice.Hook{Request: before, Response: after},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pages.Close()) }() // ends the workers

	mux := http.NewServeMux()
	mux.Handle("/php/", pages)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "This is Go. PHP is at /php/.")
	})
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	fmt.Printf("listening on http://%s/\n", ln.Addr())

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return server.Shutdown(ending) // first the requests in flight, then pages.Close
}

// before tells PHP who asks, and keeps to itself what PHP has no part in.
func before(r *http.Request) http.Handler {
	if r.URL.Path == "/php/private" {
		return http.NotFoundHandler()
	}
	visitor := "a stranger"
	if name, password, ok := r.BasicAuth(); ok && password == "sesame" {
		visitor = name
	}
	r.Header.Set("X-Visitor", visitor) // whatever the client sent by that name
	return nil
}

// after changes the head of a response.
func after(_ *http.Request, status int, header http.Header) int {
	header.Del("X-Secret")
	header.Del("X-Powered-By")
	header.Set("X-Frame-Options", "DENY")
	return status
}
