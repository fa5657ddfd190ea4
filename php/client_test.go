package php

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestRecords(t *testing.T) {
	long := strings.Repeat("v", 300)
	pairs := appendPair(appendPair(nil, "N", "v"), "LONG", long)
	if want := "\x01\x01Nv\x04\x80\x00\x01\x2cLONG" + long; string(pairs) != want {
		t.Errorf("pairs = %q, want %q", pairs, want)
	}
	b := appendRecord(nil, typeParams, 1, []byte("abc"))
	if want := "\x01\x04\x00\x01\x00\x03\x00\x00abc"; string(b) != want {
		t.Errorf("record = %q, want %q", b, want)
	}
	padded := "\x01\x06\x00\x01\x00\x02\x03\x00hi###\x01\x03\x00\x01\x00\x00\x00\x00"
	r := bufio.NewReader(strings.NewReader(padded))
	if kind, content, err := readRecord(r); kind != typeStdout || string(content) != "hi" || err != nil {
		t.Errorf("padded record = %d %q %v", kind, content, err)
	}
	if kind, _, err := readRecord(r); kind != typeEndRequest || err != nil {
		t.Errorf("next record = %d %v", kind, err)
	}
	for n := range 12 {
		if _, _, err := readRecord(bufio.NewReader(strings.NewReader(padded[:n]))); err == nil {
			t.Errorf("a record cut to %d bytes has no error", n)
		}
	}
	if _, _, err := readRecord(bufio.NewReader(strings.NewReader("HTTP/1.1 400 Bad"))); err == nil {
		t.Error("HTTP is taken for FastCGI")
	}
}

// serve answers each connection with the same bytes and then waits.
func serve(t *testing.T, answer []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = conn.Write(answer)
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return l.Addr().String()
}

func TestRunIsBounded(t *testing.T) {
	address := serve(t, bytes.Repeat(appendRecord(nil, typeStdout, 1, make([]byte, 60000)), 40))
	if _, _, err := run(t.Context(), "tcp", address, nil); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("endless answer: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := run(ctx, "tcp", serve(t, nil), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silence: %v", err)
	}
}

func TestAwaitAnswerTriesAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := awaitAnswer(ctx, "tcp", address); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody there: %v", err)
	}
	if err := awaitAnswer(t.Context(), "tcp", serve(t, appendRecord(nil, typeGetValuesResult, 0, nil))); err != nil {
		t.Errorf("answer: %v", err)
	}
}
