package loop

const nativeEngine = Epoll

var newNative = newEpoll
