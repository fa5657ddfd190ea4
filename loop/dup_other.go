//go:build !unix

package loop

func dupFd(uintptr) (uintptr, func(), error) { return 0, nil, errNoDup }
