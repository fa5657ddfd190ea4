package php

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A blocking FastCGI client for two questions: whether a worker answers, and what
// PHP says of itself. Requests of users go through package fcgi.

const (
	typeBeginRequest    = 1
	typeEndRequest      = 3
	typeParams          = 4
	typeStdin           = 5
	typeStdout          = 6
	typeStderr          = 7
	typeGetValues       = 9
	typeGetValuesResult = 10

	roleResponder = 1
	requestID     = 1
)

// appendRecord appends a record without padding (FastCGI 1.0, 3.3). content is at
// most 65535 bytes.
func appendRecord(b []byte, kind byte, id uint16, content []byte) []byte {
	b = append(b, 1, kind)
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	b = append(b, 0, 0)
	return append(b, content...)
}

// appendPair appends a name-value pair (FastCGI 1.0, 3.4).
func appendPair(b []byte, name, value string) []byte {
	for _, s := range []string{name, value} {
		if len(s) < 1<<7 {
			b = append(b, byte(len(s)))
		} else {
			b = binary.BigEndian.AppendUint32(b, uint32(len(s))|1<<31)
		}
	}
	return append(append(b, name...), value...)
}

// readRecord reads one record.
func readRecord(r *bufio.Reader) (kind byte, content []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0] != 1 {
		return 0, nil, fmt.Errorf("FastCGI version %d", head[0])
	}
	content = make([]byte, binary.BigEndian.Uint16(head[4:]))
	if _, err := io.ReadFull(r, content); err != nil {
		return 0, nil, err
	}
	_, err = r.Discard(int(head[6]))
	return head[1], content, err
}

// converse connects, sends, and hands over records until done says so. The
// connection ends with ctx.
func converse(ctx context.Context, network, address string, send []byte, done func(kind byte, content []byte) (bool, error)) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	unhook := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer unhook()
	if _, err := conn.Write(send); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	r := bufio.NewReader(conn)
	for {
		kind, content, err := readRecord(r)
		if err != nil {
			return errors.Join(ctx.Err(), err)
		}
		if end, err := done(kind, content); end || err != nil {
			return err
		}
	}
}

// awaitAnswer returns nil as soon as a worker answers FCGI_GET_VALUES. Until then
// it tries again; only the end of ctx is an error.
func awaitAnswer(ctx context.Context, network, address string) error {
	send := appendRecord(nil, typeGetValues, 0, appendPair(nil, "FCGI_MPXS_CONNS", ""))
	for {
		err := converse(ctx, network, address, send, func(kind byte, _ []byte) (bool, error) {
			return kind == typeGetValuesResult, nil
		})
		if err == nil {
			return nil
		}
		timer := time.NewTimer(dialRetry)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// run has a script executed and returns what it wrote.
func run(ctx context.Context, network, address string, params [][2]string) (stdout, stderr []byte, err error) {
	var pairs []byte
	for _, p := range params {
		pairs = appendPair(pairs, p[0], p[1])
	}
	send := appendRecord(nil, typeBeginRequest, requestID, []byte{0, roleResponder, 0, 0, 0, 0, 0, 0})
	send = appendRecord(send, typeParams, requestID, pairs)
	send = appendRecord(send, typeParams, requestID, nil)
	send = appendRecord(send, typeStdin, requestID, nil)
	err = converse(ctx, network, address, send, func(kind byte, content []byte) (bool, error) {
		switch kind {
		case typeStdout:
			stdout = append(stdout, content...)
		case typeStderr:
			stderr = append(stderr, content...)
		case typeEndRequest:
			return true, nil
		}
		if len(stdout)+len(stderr) > answerMaxBytes {
			return false, fmt.Errorf("answer longer than %d bytes", answerMaxBytes)
		}
		return false, nil
	})
	return stdout, stderr, err
}
