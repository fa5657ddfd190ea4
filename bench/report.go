//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// report is all that was measured, and where.
type report struct {
	Date       string            `json:"date"`
	Machine    map[string]string `json:"machine"`
	Rounds     int               `json:"rounds"`
	Seconds    int               `json:"seconds"`
	Workers    int               `json:"workers"`
	BinarySize int64             `json:"sluice_bytes,omitempty"`
	Startups   []startup         `json:"startups"`
	Results    []result          `json:"results"`
	Clients    []clientResult    `json:"clients,omitempty"`
	Idle       *idleResult       `json:"idle,omitempty"`
	Skipped    []string          `json:"skipped,omitempty"`
}

func newReport(b *bench) *report {
	r := &report{
		Date:    time.Now().UTC().Format(time.DateOnly),
		Rounds:  b.rounds,
		Seconds: b.seconds,
		Workers: b.workers,
		Machine: map[string]string{
			"cpu":    cpuModel(),
			"cpus":   fmt.Sprint(runtime.NumCPU()),
			"kernel": firstLine("uname", "-sr"),
			"go":     runtime.Version(),
			"php":    firstLine("php-cgi", "-v"),
			"nginx":  firstLine(systemProgram("nginx"), "-v"),
			"wrk":    firstLine("wrk", "-v"),
		},
	}
	if b.eightG != "" {
		r.Machine[eightG] = b.eightG
	}
	if program, err := phpFPM.program(); err == nil {
		r.Machine["php-fpm"] = firstLine(program, "-v")
	}
	for _, p := range b.peers {
		switch p.name {
		case "apache":
			r.Machine["apache"] = firstLine(systemProgram("apache2"), "-v")
		case "lighttpd":
			r.Machine["lighttpd"] = firstLine(systemProgram("lighttpd"), "-v")
		case "caddy":
			r.Machine["caddy"] = caddyVersion(b.caddy)
		}
		if p.name != "sluice" {
			continue
		}
		r.Machine["sluice"] = firstLine(b.sluice, "version")
		if info, err := os.Stat(b.sluice); err == nil {
			r.BinarySize = info.Size()
		}
	}
	return r
}

// firstLine of what a program prints; some exit with an error after their
// version, so only the text counts.
func firstLine(argv ...string) string {
	out, _ := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(rest, "\t :"))
		}
	}
	return ""
}

// of finds a peer's median in a scenario.
func (r *report) of(scenario, peer string) (sample, bool) {
	for _, res := range r.Results {
		if res.Scenario == scenario && res.Peer == peer {
			return res.Median, true
		}
	}
	return sample{}, false
}

func (r *report) writeJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
