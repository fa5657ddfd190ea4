// Package loop runs event loops: connections, timers, buffers. It knows no
// protocol.
//
// A Loop is one goroutine on one OS thread with one poller. It owns its
// connections, timers and buffers; nothing else touches them, so there are no
// locks on the way of a request. The only door from outside is Loop.Post.
// Nothing that runs on a loop may block.
//
// What is read belongs to the loop's shared read buffer until Handler.Data
// returns; who wants to keep it copies it. An idle connection holds no buffer.
//
// Pollers (epoll, io_uring, portable) are chosen at run time and sit behind Poller
// and Socket: readiness in, non-blocking calls out. The same tests run on all.
package loop
