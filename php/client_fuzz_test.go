package php

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"testing"
	"testing/iotest"
)

// Records are what their headers say, however the octets arrive.
func FuzzReadRecord(f *testing.F) {
	f.Add([]byte("\x01\x06\x00\x01\x00\x02\x03\x00hi###\x01\x03\x00\x01\x00\x00\x00\x00"))
	f.Add(appendRecord(appendRecord(nil, typeStdout, 1, bytes.Repeat([]byte("x"), 5000)), typeStdout, 1, nil))
	f.Add([]byte("\x02\x06\x00\x01\x00\x00\x00\x00"))
	f.Add([]byte("\x01\x06\x00\x01\xff\xff\xff\x00short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, single := bufio.NewReader(bytes.NewReader(b)), bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(b)), 16)
		for at := 0; ; {
			kind, content, err := readRecord(whole)
			kind1, content1, err1 := readRecord(single)
			if (err == nil) != (err1 == nil) || kind != kind1 || !bytes.Equal(content, content1) {
				t.Fatalf("at %d: %d %q %v, octet by octet %d %q %v", at, kind, content, err, kind1, content1, err1)
			}
			rest := b[at:]
			size := 8
			if len(rest) >= 8 {
				size += int(binary.BigEndian.Uint16(rest[4:])) + int(rest[6])
			}
			if is := len(rest) >= size && rest[0] == 1; is != (err == nil) {
				t.Fatalf("at %d: error %v, but a whole record is there: %v", at, err, is)
			}
			if err != nil {
				return
			}
			padding := int(rest[6])
			again := appendRecord(nil, kind, binary.BigEndian.Uint16(rest[2:]), content)
			again[6], again[7] = rest[6], rest[7]
			if !bytes.Equal(again, rest[:size-padding]) {
				t.Fatalf("at %d: %q became %q", at, rest[:size], again)
			}
			at += size
		}
	})
}
