package php

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// endpoint is an address and, where sluice owns the listening socket, that socket.
type endpoint struct {
	network string
	address string
	file    *os.File // handed to php as descriptor 0; nil if php binds by itself
}

// listenUnix binds path (mode 0600, in a folder of mode 0700).
func listenUnix(path string) (endpoint, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return endpoint{}, fmt.Errorf("php: %w", err)
	}
	l.SetUnlinkOnClose(false) // the folder goes as a whole
	file, err := l.File()
	if cerr := l.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		if file != nil {
			_ = file.Close()
		}
		return endpoint{}, fmt.Errorf("php: socket %q: %w", path, err)
	}
	return endpoint{network: "unix", address: path, file: file}, nil
}

// chooseTCP finds a free port. php binds it a moment later; in between another
// program can take it, which shows as a failing start.
func chooseTCP() (endpoint, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return endpoint{}, fmt.Errorf("php: %w", err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return endpoint{}, fmt.Errorf("php: port %s: %w", address, err)
	}
	return endpoint{network: "tcp", address: address}, nil
}

// discard closes the socket and removes its file.
func (e endpoint) discard() error {
	return errors.Join(e.close(), os.Remove(e.address))
}

func (e endpoint) close() error {
	if e.file == nil {
		return nil
	}
	return e.file.Close()
}
