package php

import "golang.org/x/sys/unix"

// workInBatch gives a process, and all that it starts from then on, the scheduling
// policy SCHED_BATCH (sched(7)): a worker that is given a request does not interrupt
// who gave it, so that the event loop hands out all there is before it is its turn.
// It keeps its share of the processors. Measured with hello.php on two of them: 5 to
// 10 % more requests per second, 1.3 µs less of sluice's own time for each.
func workInBatch(pid int) error {
	return unix.SchedSetAttr(pid, &unix.SchedAttr{Policy: unix.SCHED_BATCH}, 0)
}
