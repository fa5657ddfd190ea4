//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// idleResult is what connections that do nothing cost sluice.
type idleResult struct {
	Connections int     `json:"connections"`
	Processes   int     `json:"processes"`  // of sluice, that hold them
	BytesEach   float64 `json:"bytes_each"` // of resident memory
	RPSWithout  float64 `json:"rps_without"`
	RPSWith     float64 `json:"rps_with"`
	Kept        float64 `json:"kept"` // median of the rounds' shares
	P99Without  float64 `json:"p99_ms_without"`
	P99With     float64 `json:"p99_ms_with"`
	Lost        int     `json:"lost"` // connections closed on us
}

// missed lists the goals not reached.
func (r *idleResult) missed() []string {
	var list []string
	if r.BytesEach > idleBytesGoal {
		list = append(list, fmt.Sprintf("%.0f octets for an idle connection, goal %d", r.BytesEach, idleBytesGoal))
	}
	if r.Kept < idleKeptGoal {
		list = append(list, fmt.Sprintf("%.2f of the throughput beside idle connections, goal %.2f", r.Kept, idleKeptGoal))
	}
	if r.Lost > 0 {
		list = append(list, fmt.Sprintf("%d idle connections lost", r.Lost))
	}
	return list
}

// print says loudly how far this machine lets us go.
func (r *idleResult) print(w io.Writer) {
	by := "one process"
	if r.Processes > 1 {
		by = fmt.Sprintf("%d processes that share an address, because of the limit on descriptors (ulimit -Hn)", r.Processes)
	}
	_, _ = fmt.Fprintf(w, "idle: %d keep-alive connections held by %s, %.0f octets each; 1 KiB file %.0f req/s with them, %.0f without (%.2f), p99 %.2f and %.2f ms\n",
		r.Connections, by, r.BytesEach, r.RPSWith, r.RPSWithout, r.Kept, r.P99With, r.P99Without)
	for _, miss := range r.missed() {
		_, _ = fmt.Fprintf(w, "sluice: MISSED %s\n", miss)
	}
}

// measureIdle loads a sluice of its own without and with idle connections in
// turn: one that has had much to do has memory left over. It is nil where sluice
// is not among the peers.
func measureIdle(ctx context.Context, b *bench, sc scenario) (*idleResult, error) {
	if !slices.ContainsFunc(b.peers, func(p peer) bool { return p.name == "sluice" }) {
		b.skip(sc.name, errors.New("it is sluice's scenario"))
		return nil, nil
	}
	s, err := startIdleServers(b, sc, b.idle)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	r := &idleResult{Connections: b.idle, Processes: len(s.all)}
	if _, err := s.prepare(ctx, sc); err != nil {
		return nil, err
	}
	var without, with, kept, p99Without, p99With []float64
	for round := range b.rounds {
		alone, err := s.load(ctx, sc)
		if err != nil {
			return nil, err
		}
		beside, err := r.round(ctx, s, sc, round)
		if err != nil {
			return nil, err
		}
		if !alone.clean() || !beside.clean() {
			return nil, fmt.Errorf("bench: without: %s; with: %s", alone.troubles(), beside.troubles())
		}
		b.logf("  %d without %8.0f req/s; with %d idle %8.0f req/s", round+1, alone.RPS, b.idle, beside.RPS)
		without, with = append(without, alone.RPS), append(with, beside.RPS)
		kept = append(kept, beside.RPS/alone.RPS)
		p99Without, p99With = append(p99Without, alone.P99), append(p99With, beside.P99)
	}
	r.RPSWithout, r.RPSWith, r.Kept = median(without), median(with), median(kept)
	r.P99Without, r.P99With = median(p99Without), median(p99With)
	return r, nil
}

// round opens all connections, measures beside them and closes them. Memory is
// weighed in the first round: later ones find it allocated.
func (r *idleResult) round(ctx context.Context, s *idleServers, sc scenario, round int) (sample, error) {
	before, err := s.residentKiB()
	if err != nil {
		return sample{}, err
	}
	h, err := holdAll(ctx, s.address, sc, r.Connections)
	if err != nil {
		return sample{}, err
	}
	defer h.stop()
	after, err := s.residentKiB()
	if err != nil {
		return sample{}, err
	}
	if round == 0 {
		r.BytesEach = float64(after-before) * kib / float64(r.Connections)
	}
	m, err := s.load(ctx, sc)
	if err != nil {
		return m, err
	}
	lost, err := h.finish()
	r.Lost += lost
	return m, err
}

// holders are helper processes: one process has too few descriptors, one source
// address too few ports.
type holders struct{ all []*holder }

type holder struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// holdAll opens n connections to address and returns once all are idle.
func holdAll(ctx context.Context, address string, sc scenario, n int) (*holders, error) {
	ctx, cancel := context.WithTimeout(ctx, idleOpenWait+time.Duration(n)*idleOpenEach)
	h := &holders{}
	for i := 0; n > 0; i++ {
		some := min(n, idlePerSource)
		n -= some
		one, err := startHolder(address, fmt.Sprintf("127.0.1.%d", i+1), sc, some)
		if err != nil {
			cancel()
			h.stop()
			return nil, err
		}
		h.all = append(h.all, one)
	}
	stop := context.AfterFunc(ctx, h.kill)
	defer func() { stop(); cancel() }()
	for _, one := range h.all {
		if _, err := one.number(); err != nil {
			h.stop()
			return nil, errors.Join(err, ctx.Err())
		}
	}
	return h, nil
}

func startHolder(address, source string, sc scenario, n int) (*holder, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, holdCommand, address, source, sc.path, strconv.Itoa(len(sc.want)), strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("bench: helper: %w", err)
	}
	return &holder{cmd, in, bufio.NewReader(out)}, nil
}

// number is what a helper says next.
func (h *holder) number() (int, error) {
	line, err := h.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("bench: helper ended before all its connections were open: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(line))
}

// finish counts the connections that were closed on us.
func (h *holders) finish() (lost int, err error) {
	for _, one := range h.all {
		if err := one.in.Close(); err != nil {
			return lost, err
		}
		n, err := one.number()
		if err != nil {
			return lost, err
		}
		lost += n
	}
	return lost, nil
}

func (h *holders) kill() {
	for _, one := range h.all {
		_ = one.cmd.Process.Kill() // it may have ended
	}
}

func (h *holders) stop() {
	h.kill()
	for _, one := range h.all {
		_ = one.cmd.Wait() // killed, or done
	}
	time.Sleep(time.Second) // the server sees them all close
}
