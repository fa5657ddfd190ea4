package php

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseQuantity(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"", 0, true},
		{"-1", 0, true},
		{"8388608", 8388608, true},
		{"8K", 8192, true},
		{"8k", 8192, true},
		{"8M", 8 << 20, true},
		{"2G", 2 << 30, true},
		{" 2 G ", 2 << 30, true},
		{"8.5M", 8 << 20, true},
		{"8MB", 8, true},
		{"0x10K", 16384, true},
		{"010", 8, true},
		{"0o10", 8, true},
		{"0b11M", 3 << 20, true},
		{"9999999999G", math.MaxInt64, true},
		{"M", 0, false},
		{"x", 0, false},
		{"0x", 0, false},
		{"99999999999999999999", 0, false},
	}
	for _, tt := range tests {
		if got, err := parseQuantity(tt.in); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("parseQuantity(%q) = %d, %v; want %d", tt.in, got, err, tt.want)
		}
	}
}

func TestParseFacts(t *testing.T) {
	const head = "X-Powered-By: PHP\r\n\r\nprepended\nsluice-facts\n"
	const body = "post_max_size\t8M\nmemory_limit\t-1\nmax_execution_time\t30\nversion\t8.2.35\nsapi\tcgi-fcgi\nopcache\t1\nextension\tpdo\nextension\tcurl\nend\t1\nextension\tappended"
	f, err := parseFacts([]byte(head + body))
	if err != nil || f.PostMaxBytes != 8<<20 || f.MemoryLimit != 0 || f.MaxExecution != 30*time.Second || f.Version != "8.2.35" ||
		f.SAPI != "cgi-fcgi" || !f.OPcache || strings.Join(f.Extensions, " ") != "curl pdo" || !f.Has("CURL") || f.Has("gd") {
		t.Errorf("facts %+v, %v", f, err)
	}
	for _, bad := range []string{"", "No input file specified.", head, head + "version\t8.2\n", head + "post_max_size\tx\nend\t1\n"} {
		if _, err := parseFacts([]byte(bad)); err == nil {
			t.Errorf("parseFacts(%q) has no error", bad)
		}
	}
}

func FuzzParseFacts(f *testing.F) {
	f.Add([]byte("\nsluice-facts\npost_max_size\t8M\nend\t1\n"))
	f.Add([]byte("\nsluice-facts\nmax_execution_time\t9999999999G\nmemory_limit\t-0x1K"))
	f.Fuzz(func(t *testing.T, b []byte) {
		facts, err := parseFacts(b)
		if err == nil && (facts.PostMaxBytes < 0 || facts.UploadMaxBytes < 0 || facts.MemoryLimit < 0 || facts.MaxExecution < 0) {
			t.Errorf("negative limit in %+v", facts)
		}
	})
}
