//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"
)

// holdCommand is the argument that makes bench a helper of itself.
const holdCommand = "hold-connections"

// hold opens connections from a source address, has one answer over each, says
// how many there are, and when its input ends, how many have been closed on it.
// args: address, source, path, length of the document, number.
func hold(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 5 {
		return fmt.Errorf("bench: %s takes 5 arguments, not %q", holdCommand, args)
	}
	length, err1 := strconv.Atoi(args[3])
	n, err2 := strconv.Atoi(args[4])
	source := net.ParseIP(args[1])
	if source == nil || errors.Join(err1, err2) != nil {
		return fmt.Errorf("bench: %s: bad arguments %q", holdCommand, args)
	}
	// No probes: those of a million connections would be a load of their own.
	dialer := net.Dialer{Timeout: idleDialTimeout, LocalAddr: &net.TCPAddr{IP: source}, KeepAlive: -1}
	request := []byte("GET " + args[2] + " HTTP/1.1\r\nHost: " + args[0] + "\r\n\r\n")
	open := make([]net.Conn, 0, n)
	buf := make([]byte, length+4*kib)
	for len(open) < n {
		c, err := dialer.Dial("tcp", args[0])
		if err != nil {
			return fmt.Errorf("bench: idle connection %d from %s: %w", len(open), source, err)
		}
		open = append(open, c)
		// Its port must not stay taken for a minute after the end.
		if err := c.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
		if err := oneAnswer(c, request, buf, length); err != nil {
			return fmt.Errorf("bench: idle connection %d from %s: %w", len(open), source, err)
		}
	}
	if _, err := fmt.Fprintln(out, len(open)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, lost(open))
	return err
}

// oneAnswer leaves the connection idle.
func oneAnswer(c net.Conn, request, buf []byte, length int) error {
	if err := c.SetDeadline(time.Now().Add(idleDialTimeout)); err != nil {
		return err
	}
	if _, err := c.Write(request); err != nil {
		return err
	}
	got := 0
	for {
		n, err := c.Read(buf[got:])
		if err != nil {
			return fmt.Errorf("%w after %q", err, buf[:got])
		}
		got += n
		head := bytes.Index(buf[:got], []byte("\r\n\r\n"))
		if head >= 0 && got >= head+4+length {
			break
		}
	}
	if !bytes.HasPrefix(buf, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("bench: answer %.60q", buf[:got])
	}
	return nil
}

// lost counts the connections that are not open any more.
func lost(all []net.Conn) int {
	n := 0
	for _, c := range all {
		if !silent(c) {
			n++
		}
	}
	return n
}

// silent tells whether a connection is open and nothing has come over it.
func silent(c net.Conn) bool {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return false
	}
	var got error
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, got = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return err == nil && errors.Is(got, syscall.EAGAIN)
}
