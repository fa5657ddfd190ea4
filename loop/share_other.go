//go:build !unix

package loop

import (
	"errors"
	"syscall"
)

func sharePort(_, _ string, _ syscall.RawConn) error {
	return errors.New("loop: this system does not share an address among processes")
}
