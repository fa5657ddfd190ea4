package php

// AutoWorkers returns how many workers fit a machine: two for each CPU, because
// PHP often waits for its database, and at least four, but no more than the
// memory holds at 64 MiB each, and at least one. memBytes is the memory available
// (AvailableMemory), 0 if unknown.
func AutoWorkers(cpus int, memBytes int64) int {
	n := max(workersPerCPU*cpus, workersAutoMin)
	if memBytes > 0 {
		n = min(n, int(min(memBytes/workerMemoryBytes, workersMax)))
	}
	return min(max(n, 1), workersMax)
}
