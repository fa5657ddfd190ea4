// Command gofast runs code written for gofast over the PHP of an embedded site: the
// pages below "/php/" are sluice's, and "/members/" is a gofast handler with a
// middleware that asks for a password. Both use the same two PHP workers.
//
//	go run ./examples/gofast -listen 127.0.0.1:8080
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
	"path/filepath"
	"syscall"
	"time"

	"github.com/yookoala/gofast"

	"sluice"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	root := flag.String("root", "examples/gofast/pages", "folder with PHP pages")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *root); err != nil {
		fmt.Fprintln(os.Stderr, "gofast:", err)
		os.Exit(1)
	}
}

// run serves until ctx is over.
func run(ctx context.Context, listen, root string) (err error) {
	pages, err := sluice.New(sluice.Options{Root: root, Path: "/php", Workers: 2})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pages.Close()) }()

	php, err := pages.Session("", "/php/")
	if err != nil {
		return err
	}
	script, err := filepath.Abs(filepath.Join(root, "member.php"))
	if err != nil {
		return err
	}
	// What follows knows gofast only: the endpoint names the script, then the
	// middleware says who asks.
	session := gofast.Chain(gofast.NewFileEndpoint(script), members)(gofast.BasicSession)

	mux := http.NewServeMux()
	mux.Handle("/php/", pages)
	mux.Handle("/members/", gofast.NewHandler(session, php.Client))
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
	return server.Shutdown(ending)
}

// members is a gofast middleware: who knows the password is REMOTE_USER.
func members(inner gofast.SessionHandler) gofast.SessionHandler {
	return func(client gofast.Client, req *gofast.Request) (*gofast.ResponsePipe, error) {
		delete(req.Params, "REMOTE_USER")
		if name, password, ok := req.Raw.BasicAuth(); ok && password == "sesame" {
			req.Params["REMOTE_USER"] = name
		}
		return inner(client, req)
	}
}
