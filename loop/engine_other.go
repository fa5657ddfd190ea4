//go:build !linux

package loop

const nativeEngine = Epoll

var newNative func() (Poller, error)
