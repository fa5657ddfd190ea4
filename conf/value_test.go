package conf

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int64
		bad  string
	}{
		{"0", 0, ""},
		{"512", 512, ""},
		{"512B", 512, ""},
		{"64KiB", 64 << 10, ""},
		{"8 MiB", 8 << 20, ""},
		{"3GiB", 3 << 30, ""},
		{"1TiB", 1 << 40, ""},
		{"8388607TiB", 8388607 << 40, ""},
		{"8388608TiB", 0, "too large"},
		{"9223372036854775808", 0, "no whole number"},
		{"", 0, "no whole number"},
		{"KiB", 0, "no whole number"},
		{"-1", 0, "no whole number"},
		{"1.5MiB", 0, "unknown unit"},
		{"8M", 0, `did you mean "8MiB"?`},
		{"8mb", 0, `did you mean "8MiB"?`},
		{"8xx", 0, "use B, KiB"},
	} {
		got, err := parseSize(tt.in)
		if tt.bad == "" && (err != nil || got != tt.want) {
			t.Errorf("parseSize(%q) = %d, %v, want %d", tt.in, got, err, tt.want)
		}
		if tt.bad != "" && (err == nil || !strings.Contains(err.Error(), tt.bad)) {
			t.Errorf("parseSize(%q) = %d, %v, want an error with %q", tt.in, got, err, tt.bad)
		}
	}
}

func TestFormatSizeRoundTrip(t *testing.T) {
	for _, n := range []int64{0, 1, 1000, 1024, 1 << 20, 3 << 30, 1<<20 + 1, math.MaxInt64} {
		if got, err := parseSize(formatSize(n)); err != nil || got != n {
			t.Errorf("parseSize(formatSize(%d) = %q) = %d, %v", n, formatSize(n), got, err)
		}
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"30s": 30 * time.Second, "1m30s": 90 * time.Second, "500ms": 500 * time.Millisecond} {
		if got, err := parseDuration(in); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for in, bad := range map[string]string{"30": `"30s"`, "": "no duration", "1d": "no duration", "soon": "no duration"} {
		if got, err := parseDuration(in); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("parseDuration(%q) = %v, %v, want an error with %q", in, got, err, bad)
		}
	}
	for d, want := range map[time.Duration]string{time.Hour: "1h", time.Minute: "1m", 90 * time.Second: "1m30s", 10 * time.Second: "10s", 0: "0s"} {
		if got := formatDuration(d); got != want {
			t.Errorf("formatDuration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	words := []string{"listen", "limits", "workers", "queue", "queue_time", "keep_alive", "app"}
	for in, want := range map[string]string{
		"wokers": "workers", "worekrs": "workers", "lisen": "listen", "keepalive": "keep_alive", "Keep-Alive": "keep_alive",
		"qeue": "queue", "queuetime": "queue_time", "frobnicate": "", "x": "", "ini": "", "": "",
	} {
		if got := suggest(in, words); got != want {
			t.Errorf("suggest(%q) = %q, want %q", in, got, want)
		}
	}
}
