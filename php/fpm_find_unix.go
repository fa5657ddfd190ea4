//go:build unix && !linux

package php

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// listeningSockets returns none: there is no portable way to ask.
func listeningSockets() []string { return nil }

// trustedListener looks at the owner of the socket's file. Of a port it cannot
// tell.
func trustedListener(a FPMAddress) error {
	if a.Network != "unix" {
		return ErrUnsupported
	}
	info, err := os.Stat(a.Address)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ErrUnsupported
	}
	if stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%w but user %d's", errOwner, stat.Uid)
	}
	return nil
}

var errOwner = errors.New("the socket is neither root's nor ours")
