package loop

// pollers make the engines that not every system has.
var pollers = map[Engine]func() (Poller, error){
	Epoll:   newEpoll,
	IOUring: newUringPoller,
}

// autoOrder is what Auto tries, the best first. IOUring is not in it, though small
// files cost less with it: docs/engines.md has the measurements and the reasons.
var autoOrder = []Engine{Epoll}
