package php

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// listeningSockets returns the paths of all listening Unix sockets that this
// machine tells of.
func listeningSockets() []string {
	text, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil
	}
	return parseUnixSockets(string(text))
}

// parseUnixSockets reads /proc/net/unix (proc_net(5)): Num RefCount Protocol Flags
// Type St Inode Path, Flags with __SO_ACCEPTCON for those that listen.
func parseUnixSockets(text string) []string {
	const acceptCon = 1 << 16
	var list []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			continue
		}
		flags, err := strconv.ParseUint(fields[3], 16, 64)
		if err != nil || flags&acceptCon == 0 {
			continue
		}
		// A path may have spaces, in which case the fields lose them.
		if at := strings.Index(line, " "+fields[6]+" "); at >= 0 {
			list = append(list, strings.TrimRight(line[at+len(fields[6])+2:], "\n"))
		}
	}
	return list
}

var errOwner = errors.New("the listener is neither root's nor ours")

// trustedListener asks the kernel who listens.
func trustedListener(a FPMAddress) error {
	uid, err := 0, error(nil)
	if a.Network == "unix" {
		uid, err = unixListener(a.Address)
	} else {
		uid, err = tcpListener(a.Address)
	}
	if err == nil && uid != 0 && uid != os.Geteuid() {
		err = fmt.Errorf("%w but user %d's", errOwner, uid)
	}
	return err
}

// unixListener returns who called listen on a socket (SO_PEERCRED, unix(7)).
func unixListener(path string) (int, error) {
	conn, err := net.DialTimeout("unix", path, findLimit)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			err = fmt.Errorf("%w: add sluice's user to the socket's group (listen.group in the pool's configuration)", err)
		}
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, os.NewSyscallError("SO_PEERCRED", credErr)
	}
	return int(cred.Uid), nil
}

// tcpListener returns whose socket listens at a port of 127.0.0.1 or of all
// addresses.
func tcpListener(address string) (int, error) {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, err
	}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if text, err := os.ReadFile(name); err == nil {
			if uid, ok := parseTCPListener(string(text), uint16(port)); ok {
				return uid, nil
			}
		}
	}
	return 0, errors.New("nobody listens")
}

// parseTCPListener reads /proc/net/tcp or tcp6 (proc_net(5)): sl local_address
// rem_address st tx:rx tr:when retrnsmt uid, in host byte order.
func parseTCPListener(text string, port uint16) (uid int, ok bool) {
	const listen = "0A"
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[3] != listen {
			continue
		}
		host, hex, found := strings.Cut(fields[1], ":")
		n, err := strconv.ParseUint(hex, 16, 16)
		if !found || err != nil || uint16(n) != port || !reachedByLoopback(host) {
			continue
		}
		uid, err := strconv.ParseUint(fields[7], 10, 32)
		if err == nil {
			return int(uid), true
		}
	}
	return 0, false
}

// reachedByLoopback is true of 127.0.0.1 and of the addresses that stand for all.
func reachedByLoopback(host string) bool {
	return strings.Trim(host, "0") == "" || host == "0100007F" || host == "7F000001" || // by byte order
		host == "0000000000000000FFFF00000100007F" || host == "00000000000000000000FFFF7F000001"
}
