package php

import "testing"

func TestParseProcessorTime(t *testing.T) {
	tests := []struct {
		text      string
		all, idle int64
		ok        bool
	}{
		{"cpu  10 1 5 100 7 2 3 4 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n", 132, 107, true},
		{"cpu 1 1 1 1 1 1 1 1", 8, 2, true},
		{"cpu 1 1 1 1 1 1 1", 0, 0, false},
		{"cpu0 1 1 1 1 1 1 1 1\n", 0, 0, false},
		{"cpu 1 1 x 1 1 1 1 1\n", 0, 0, false},
		{"", 0, 0, false},
	}
	for _, tt := range tests {
		if all, idle, ok := parseProcessorTime([]byte(tt.text)); all != tt.all || idle != tt.idle || ok != tt.ok {
			t.Errorf("%q: %d, %d, %v", tt.text, all, idle, ok)
		}
	}
	if all, idle, ok := ProcessorTime(); !ok || all <= 0 || idle > all {
		t.Errorf("of this machine: %d, %d, %v", all, idle, ok)
	}
}
