//go:build !linux

package php

import (
	"fmt"
	"syscall"
)

func sharedWorker([]int, uintptr) (Worker, error) {
	return Worker{}, fmt.Errorf("%w: finding the worker behind a shared socket takes Linux", ErrUnsupported)
}

func children(int) []Worker { return nil }

func isStatusWorker(int) bool { return false }

func isChild([]int, Worker) bool { return false }

func signalChild([]int, Worker, syscall.Signal) error { return ErrUnsupported }

func memoryOf(int) (rss, shared int64, err error) { return 0, 0, nil }
