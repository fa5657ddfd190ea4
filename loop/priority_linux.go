package loop

import "golang.org/x/sys/unix"

// niceLess is by how much a loop's thread is less nice (setpriority(2)) than the
// rest of the process: 2.4 times the weight of a PHP worker. Requests are handed
// out by the loop; while it waits behind a worker on one processor, another stands
// idle. Measured on two processors, hello.php from 32 connections: 30,000 to
// 35,500 requests per second. With 6 or more the loop is woken for each event
// alone, which costs more than it brings.
const niceLess = 4

// prefer gives the calling thread its priority, where the system allows it
// (root, CAP_SYS_NICE or RLIMIT_NICE); giveBack takes it away again.
func prefer() (giveBack func()) {
	const thisThread = 0
	before, err := unix.Getpriority(unix.PRIO_PROCESS, thisThread)
	if err != nil {
		return func() {}
	}
	nice := 20 - before // what the system call itself answers is 20-nice
	if unix.Setpriority(unix.PRIO_PROCESS, thisThread, nice-niceLess) != nil {
		return func() {}
	}
	return func() { _ = unix.Setpriority(unix.PRIO_PROCESS, thisThread, nice) }
}
