//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// errWrong marks an answer that claims to be good and is not.
var errWrong = errors.New("wrong answer")

// probe fetches a scenario's resource once over a connection of its own,
// compares the answer, and returns its length in octets, head included.
func probe(address string, sc scenario) (int64, error) {
	conn, err := net.DialTimeout("tcp", address, probeTimeout)
	if err != nil {
		return 0, err
	}
	n, err := fetch(conn, address, sc)
	return n, errors.Join(err, conn.Close())
}

func fetch(conn net.Conn, address string, sc scenario) (int64, error) {
	if err := conn.SetDeadline(time.Now().Add(probeTimeout)); err != nil {
		return 0, err
	}
	method := http.MethodGet
	if sc.post != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, "http://"+address+sc.path, bytes.NewReader(sc.post))
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", "")
	req.Header.Set("Content-Type", "application/octet-stream")
	for _, f := range sc.fields {
		if f[0] == "Host" {
			req.Host = f[1]
		}
		req.Header.Set(f[0], f[1])
	}
	if err := req.Write(conn); err != nil {
		return 0, err
	}
	count := &countingReader{from: conn}
	resp, err := http.ReadResponse(bufio.NewReader(count), req)
	if err != nil {
		return 0, err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("bench: %s answered %s: %.60q", sc.path, resp.Status, body)
	}
	if !bytes.Equal(body, sc.want) {
		return 0, fmt.Errorf("bench: %s: %w: %d octets, want %d: %.100q", sc.path, errWrong, len(body), len(sc.want), body)
	}
	return count.n, nil
}

type countingReader struct {
	from io.Reader
	n    int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	c.n += int64(n)
	return n, err
}

// probeUntil fetches again and again beside the load, until stop is closed; the
// first fault is sent.
func probeUntil(stop <-chan struct{}, address string, sc scenario) <-chan error {
	result := make(chan error, 1)
	go func() {
		ticker := time.NewTicker(probeEvery)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				result <- nil
				return
			case <-ticker.C:
			}
			if _, err := probe(address, sc); err != nil {
				result <- err
				return
			}
		}
	}()
	return result
}
