//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// measureScript adds wrk's own figures as one line of JSON.
const measureScript = `
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\n@{"requests":%d,"micros":%d,"bytes":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d,"p50":%d,"p99":%d,"max":%d,"bad":%d}\n',
    summary.requests, summary.duration, summary.bytes, e.connect, e.read, e.write, e.status, e.timeout,
    latency:percentile(50), latency:percentile(99), latency.max, bad_answers()))
end
function bad_answers() return 0 end
`

// postScript sends a file's content.
const postScript = `
local f = assert(io.open(%q, "rb"))
wrk.method = "POST"
wrk.body = f:read("*a")
wrk.headers["Content-Type"] = "application/octet-stream"
f:close()
`

// checkScript compares every answer; this slows wrk down, so it is not used in
// the rounds that count.
const checkScript = `
local f = assert(io.open(%q, "rb"))
local want = f:read("*a")
f:close()
bad = 0
local threads = {}
function setup(thread) table.insert(threads, thread) end
function response(status, headers, body)
  if status ~= 200 or body ~= want then bad = bad + 1 end
end
function bad_answers()
  local n = 0
  for _, t in ipairs(threads) do n = n + t:get("bad") end
  return n
end
`

// wrkResult is what wrk counted; latencies are in microseconds.
type wrkResult struct {
	Requests int64 `json:"requests"`
	Micros   int64 `json:"micros"`
	Bytes    int64 `json:"bytes"`
	Connect  int64 `json:"connect"`
	Read     int64 `json:"read"`
	Write    int64 `json:"write"`
	Status   int64 `json:"status"`
	Timeout  int64 `json:"timeout"`
	P50      int64 `json:"p50"`
	P99      int64 `json:"p99"`
	Max      int64 `json:"max"`
	Bad      int64 `json:"bad"`
}

func (r wrkResult) errors() int64 { return r.Connect + r.Read + r.Write + r.Status + r.Timeout }

// writeScripts makes a scenario's two scripts in dir.
func writeScripts(dir string, sc scenario) error {
	script := measureScript
	for _, f := range sc.fields {
		script += fmt.Sprintf("wrk.headers[%q] = %q\n", f[0], f[1])
	}
	if sc.post != nil {
		body := filepath.Join(dir, sc.name+".body")
		if err := os.WriteFile(body, sc.post, 0o644); err != nil {
			return err
		}
		script += fmt.Sprintf(postScript, body)
	}
	want := filepath.Join(dir, sc.name+".want")
	if err := os.WriteFile(want, sc.want, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(scriptPath(dir, sc, false), []byte(script), 0o644); err != nil {
		return err
	}
	return os.WriteFile(scriptPath(dir, sc, true), []byte(script+fmt.Sprintf(checkScript, want)), 0o644)
}

func scriptPath(dir string, sc scenario, checked bool) string {
	if checked {
		return filepath.Join(dir, sc.name+".check.lua")
	}
	return filepath.Join(dir, sc.name+".lua")
}

// runWrk puts a scenario's load on an address.
func runWrk(ctx context.Context, dir, address string, sc scenario, seconds int, checked bool) (wrkResult, error) {
	timeout := "2s"
	if sc.conns >= manyConns {
		timeout = "10s" // waiting one's turn behind thousands is no fault
	}
	cmd := exec.CommandContext(ctx, "wrk", "-t2", "-c", strconv.Itoa(sc.conns), "-d", strconv.Itoa(seconds)+"s",
		"--timeout", timeout, "-s", scriptPath(dir, sc, checked), "http://"+address+sc.path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return wrkResult{}, fmt.Errorf("bench: wrk: %w\n%s", err, out)
	}
	return parseWrk(out)
}

func parseWrk(out []byte) (wrkResult, error) {
	var r wrkResult
	_, line, found := bytes.Cut(out, []byte("\n@{"))
	if !found {
		return r, fmt.Errorf("bench: wrk printed no summary:\n%s", out)
	}
	line, _, _ = bytes.Cut(line, []byte{'\n'})
	if err := json.Unmarshal(append([]byte{'{'}, line...), &r); err != nil {
		return r, fmt.Errorf("bench: wrk's summary %q: %w", line, err)
	}
	if r.Requests == 0 || r.Micros == 0 {
		return r, fmt.Errorf("bench: wrk got no answer:\n%s", out)
	}
	return r, nil
}

// fits tells whether the octets received can be that many answers of between
// shortest and longest octets: requests that the end of the run cut short count
// in part.
func (r wrkResult) fits(shortest, longest int64, conns int) error {
	// Heads vary by a few octets, chunks too.
	low := float64(r.Requests) * float64(shortest) * 0.98
	high := float64(r.Requests+int64(conns)) * float64(longest) * 1.02
	if got := float64(r.Bytes); got < low || got > high {
		return fmt.Errorf("bench: %d octets for %d answers of %d to %d octets each", r.Bytes, r.Requests, shortest, longest)
	}
	return nil
}
