package php

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	var b backoff
	for i, want := range []time.Duration{0, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms, 25600 * ms, 30000 * ms, 30000 * ms} {
		if got := b.next(time.Second); got != want {
			t.Errorf("pause %d = %s, want %s", i, got, want)
		}
	}
	if got := b.next(30 * time.Second); got != 0 {
		t.Errorf("pause after a healthy run = %s, want 0", got)
	}
	if got := b.next(0); got != 100*ms {
		t.Errorf("the pause after that = %s, want 100ms", got)
	}
}

func TestAutoWorkers(t *testing.T) {
	const gb = 1 << 30
	tests := []struct {
		cpus int
		mem  int64
		want int
	}{
		{1, 8 * gb, 4},
		{2, 8 * gb, 4},
		{4, 8 * gb, 8},
		{64, 256 * gb, 128},
		{64, 2 * gb, 32},
		{2, 128 << 20, 2},
		{2, 1, 1},
		{2, 0, 4},
		{0, 0, 4},
		{1 << 20, 0, workersMax},
	}
	for _, tt := range tests {
		if got := AutoWorkers(tt.cpus, tt.mem); got != tt.want {
			t.Errorf("AutoWorkers(%d, %d) = %d, want %d", tt.cpus, tt.mem, got, tt.want)
		}
	}
}
