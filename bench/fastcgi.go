//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// Record types of the FastCGI specification, section 8.
const (
	typeBeginRequest = 1
	typeEndRequest   = 3
	typeParams       = 4
	typeStdin        = 5
	typeStdout       = 6

	recordHeaderBytes = 8
)

// fastcgiRequest makes all octets of a GET over a kept connection.
func fastcgiRequest(docroot string, sc scenario) []byte {
	var params []byte
	// What nginx's fastcgi_params and wrk's request make: php's work must be
	// the same.
	for _, p := range [][2]string{
		{"QUERY_STRING", ""},
		{"REQUEST_METHOD", "GET"},
		{"CONTENT_TYPE", ""},
		{"CONTENT_LENGTH", ""},
		{"SCRIPT_NAME", sc.path},
		{"REQUEST_URI", sc.path},
		{"DOCUMENT_URI", sc.path},
		{"DOCUMENT_ROOT", docroot},
		{"SERVER_PROTOCOL", "HTTP/1.1"},
		{"REQUEST_SCHEME", "http"},
		{"GATEWAY_INTERFACE", "CGI/1.1"},
		{"SERVER_SOFTWARE", "bench"},
		{"REMOTE_ADDR", "127.0.0.1"},
		{"REMOTE_PORT", "40000"},
		{"REMOTE_USER", ""},
		{"SERVER_ADDR", "127.0.0.1"},
		{"SERVER_PORT", "40001"},
		{"SERVER_NAME", "localhost"},
		{"REDIRECT_STATUS", "200"},
		{"SCRIPT_FILENAME", filepath.Join(docroot, sc.path)},
		{"HTTP_HOST", "127.0.0.1:40001"},
	} {
		params = append(params, byte(len(p[0]))) // all are shorter than 128
		params = append(params, byte(len(p[1])))
		params = append(params, p[0]+p[1]...)
	}
	b := appendRecord(nil, typeBeginRequest, []byte{0, 1, 1, 0, 0, 0, 0, 0}) // responder, keep the connection
	b = appendRecord(b, typeParams, params)
	b = appendRecord(b, typeParams, nil)
	return appendRecord(b, typeStdin, nil)
}

func appendRecord(b []byte, kind byte, content []byte) []byte {
	b = append(b, 1, kind, 0, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	b = append(b, 0, 0)
	return append(b, content...)
}

// fastcgiReader reads answers one after the other.
type fastcgiReader struct {
	from io.Reader
	buf  []byte
	r, w int
	out  []byte // STDOUT of the answer at hand
}

func newFastcgiReader(from io.Reader) *fastcgiReader {
	return &fastcgiReader{from: from, buf: make([]byte, 128<<10)}
}

// need makes sure that n octets are buffered.
func (f *fastcgiReader) need(n int) error {
	for f.w-f.r < n {
		if f.r > 0 && f.r+n > len(f.buf) {
			f.w = copy(f.buf, f.buf[f.r:f.w])
			f.r = 0
		}
		got, err := f.from.Read(f.buf[f.w:])
		if got == 0 {
			return errors.Join(io.ErrUnexpectedEOF, err)
		}
		f.w += got
	}
	return nil
}

// answer reads up to END_REQUEST and compares the document.
func (f *fastcgiReader) answer(want []byte) error {
	f.out = f.out[:0]
	for {
		if err := f.need(recordHeaderBytes); err != nil {
			return err
		}
		h := f.buf[f.r:]
		kind, length, padding := h[1], int(binary.BigEndian.Uint16(h[4:])), int(h[6])
		if err := f.need(recordHeaderBytes + length + padding); err != nil {
			return err
		}
		content := f.buf[f.r+recordHeaderBytes:][:length]
		if kind == typeStdout {
			f.out = append(f.out, content...)
		}
		f.r += recordHeaderBytes + length + padding
		if f.r == f.w {
			f.r, f.w = 0, 0
		}
		if kind == typeEndRequest {
			break
		}
	}
	if !bytes.HasSuffix(f.out, want) || !bytes.HasSuffix(f.out[:len(f.out)-len(want)], []byte("\r\n\r\n")) {
		return fmt.Errorf("bench: php answered %.200q", f.out)
	}
	return nil
}
