package host

import (
	"testing"
	"time"
)

func TestSizer(t *testing.T) {
	const mib = 1 << 20
	wait := func(n int) look {
		return look{after: sizeLookTime, waiting: n, idle: 0.5, each: 10 * mib, free: 4096 * mib}
	}
	calm := func(busy int, d time.Duration) look { return look{after: d, busy: busy, idle: 0.9} }
	tests := []struct {
		name     string
		min, max int
		looks    []look
		want     []int
	}{
		{"one look is not enough", 4, 16, []look{wait(3)}, []int{4}},
		{"grows by half", 4, 16, []look{wait(3), wait(3), wait(3), wait(3)}, []int{4, 6, 6, 9}},
		{"up to its end", 4, 7, []look{wait(9), wait(9), wait(9), wait(9), wait(9), wait(9)}, []int{4, 6, 6, 7, 7, 7}},
		{"waits that end in between", 4, 16, []look{wait(3), calm(4, sizeLookTime), wait(3)}, []int{4, 4, 4}},
		{"no processor time is left", 4, 16, []look{{waiting: 9, idle: 0.05}, {waiting: 9, idle: 0.05}, {waiting: 9, idle: 0.05}}, []int{4, 4, 4}},
		{"it is not known", 4, 16, []look{{waiting: 9, idle: -1}, {waiting: 9, idle: -1}}, []int{4, 6}},
		{"memory for one", 4, 16, []look{{waiting: 9, idle: -1, each: 50 * mib, free: 150 * mib}, {waiting: 9, idle: -1, each: 50 * mib, free: 150 * mib}}, []int{4, 5}},
		{"memory for none", 4, 16, []look{{waiting: 9, idle: -1, each: 50 * mib, free: 90 * mib}, {waiting: 9, idle: -1, each: 50 * mib, free: 90 * mib}}, []int{4, 4}},
		{"shrinks to its beginning", 2, 8, []look{wait(9), wait(9), calm(1, 59*time.Second), calm(1, time.Second), calm(1, 5*time.Second), calm(1, time.Second)}, []int{2, 3, 3, 2, 2, 2}},
		{"what was needed stays", 2, 8, []look{wait(9), wait(9), calm(3, time.Second), calm(0, 59*time.Second), calm(0, 5*time.Second)}, []int{2, 3, 3, 3, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sizer{min: tt.min, max: tt.max, now: tt.min}
			for i, l := range tt.looks {
				before := s.now
				n, why := s.step(l)
				if n != tt.want[i] {
					t.Fatalf("look %d: %d workers, want %d", i, n, tt.want[i])
				}
				if (why != "") != (n != before) {
					t.Fatalf("look %d: from %d to %d, because %q", i, before, n, why)
				}
			}
		})
	}
}
