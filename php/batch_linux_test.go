package php

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestWorkersWorkInBatch: the policy reaches the workers, which are forked later.
func TestWorkersWorkInBatch(t *testing.T) {
	eachMode(t, func(t *testing.T, mode Mode) {
		g := startGroup(t, func(o *Options) { o.Mode = mode })
		eventually(t, "there are workers", func() bool { return len(g.Workers()) > 0 })
		for _, w := range g.Workers() {
			a, err := unix.SchedGetAttr(w.PID, 0)
			if err != nil || a.Policy != unix.SCHED_BATCH {
				t.Errorf("worker %d: policy %v, %v", w.PID, a, err)
			}
		}
	})
}
