package php

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Group is the supervised set of workers of one site.
type Group struct {
	opts Options // immutable
	mode Mode    // immutable; never ModeAuto
	log  *zap.Logger

	mu      sync.Mutex
	procs   []*proc // guarded by mu; nil before Start
	folder  *folder // guarded by mu
	stopped bool    // guarded by mu

	// Set by Start before the supervisors run; for ModeFPM.
	token string
	slow  *slowLog

	end  ending
	done sync.WaitGroup
}

// ErrStopped is returned by a group that has been stopped, or started before.
var ErrStopped = errors.New("php: group is stopped or already started")

// NewGroup checks the options; the error names all faults. Nothing runs before
// Start.
func NewGroup(opts Options) (*Group, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	opts.Account = opts.Account.another()
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	mode, err := resolveMode(opts.Mode, runtime.GOOS)
	if err != nil {
		return nil, err
	}
	return &Group{
		opts: opts,
		mode: mode,
		log:  opts.Log.With(zap.String("site", opts.Site)),
		end:  ending{begun: make(chan struct{})},
	}, nil
}

func resolveMode(mode Mode, goos string) (Mode, error) {
	windows := goos == "windows"
	switch {
	case mode == ModeAuto && windows:
		return ModeSingleTCP, nil
	case mode == ModeAuto && goos == "linux":
		return ModeShared, nil
	case mode == ModeAuto:
		return ModeSingle, nil
	case windows && mode != ModeSingleTCP && mode <= ModeFPM:
		return 0, fmt.Errorf("php: mode %s does not work on Windows, only %s", mode, ModeSingleTCP)
	case mode > ModeFPM:
		return 0, fmt.Errorf("php: unknown mode %s", mode)
	default:
		return mode, nil
	}
}

// Start makes the private folder and the sockets and starts the workers. It
// returns when each server has answered once, at most ten seconds later, or with
// the error of the first that failed, after which all is stopped; with
// Options.KeepTrying a failure of php is not an error of Start.
func (g *Group) Start(ctx context.Context) error {
	procs, err := g.launch()
	if err != nil {
		return err
	}
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	for _, p := range procs {
		select {
		case err = <-p.first:
		case <-limit.C:
			err = noAnswerError(g.mode, p.lastOutput())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("php: start: %w", ctx.Err()), g.Stop(0))
		case <-g.end.begun:
			return ErrStopped
		}
		if err != nil && g.opts.KeepTrying {
			return nil // State tells
		}
		if err != nil {
			return errors.Join(err, g.Stop(0))
		}
	}
	return nil
}

func noAnswerError(mode Mode, last string) error {
	err := fmt.Errorf("php: %s did not answer in %s", mode.program(), startLimit)
	if last != "" {
		err = fmt.Errorf("%w: %s", err, last)
	}
	return err
}

// launch starts the supervisors.
func (g *Group) launch() ([]*proc, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped || g.procs != nil {
		return nil, ErrStopped
	}
	f, err := newFolder(g.opts.Dir, g.opts.Account)
	if err != nil {
		return nil, err
	}
	f.fpm = g.opts.Mode == ModeFPM
	if err := g.prepareFPM(f); err != nil {
		return nil, errors.Join(err, f.remove())
	}
	procs, err := g.makeProcs(f)
	if err != nil {
		return nil, errors.Join(err, closeEndpoints(procs), g.slow.close(), f.remove())
	}
	g.folder, g.procs = f, procs
	for _, p := range procs {
		g.done.Go(func() { p.supervise(&g.end) })
	}
	return procs, nil
}

func (g *Group) makeProcs(f *folder) ([]*proc, error) {
	servers := g.opts.Workers
	if g.mode.shared() {
		servers = 1
	}
	var procs []*proc
	for i := range servers {
		var e endpoint
		var err error
		if g.mode == ModeSingleTCP {
			e, err = chooseTCP()
		} else {
			e, err = listenUnix(f.socket(i))
		}
		if err != nil {
			return procs, err
		}
		procs = append(procs, &proc{
			index: i, opts: &g.opts, mode: g.mode, folder: f, endpoint: e, token: g.token,
			log: g.log.With(zap.Int("server", i)), first: make(chan error, 1),
			reloads: make(chan reload), over: make(chan struct{}),
		})
	}
	return procs, nil
}

func closeEndpoints(procs []*proc) error {
	var faults []error
	for _, p := range procs {
		faults = append(faults, p.endpoint.close())
	}
	return errors.Join(faults...)
}

// Stop asks the workers to end, kills those that are left after grace, and
// removes all that the group owns. A worker in a request finishes it within the
// grace; one that is idle on a kept connection ends only when that is closed, so
// close them first. Calls after the first wait for it.
func (g *Group) Stop(grace time.Duration) error {
	g.mu.Lock()
	begin := !g.stopped
	g.stopped = true
	procs, f := g.procs, g.folder
	g.mu.Unlock()
	if begin {
		g.end.grace = grace
		close(g.end.begun)
	}
	g.done.Wait()
	if !begin || f == nil {
		return nil
	}
	return errors.Join(closeEndpoints(procs), g.slow.close(), f.remove())
}

// Servers returns the addresses and their states, in a fixed order; nil before
// Start. The addresses stay the same until Stop or Reload.
func (g *Group) Servers() []Server {
	procs := g.running()
	servers := make([]Server, 0, len(procs))
	for _, p := range procs {
		e, _ := p.place()
		servers = append(servers, Server{
			Network: e.network, Address: e.address, Workers: p.workers(), State: p.snapshot(),
		})
	}
	return servers
}

// State returns the state of the group: that of its best server (Running before
// Starting before BackingOff), with the restarts of all.
func (g *Group) State() State {
	rank := [...]int{Stopped: 0, BackingOff: 1, Starting: 2, Running: 3}
	var best State
	restarts := 0
	for i, p := range g.running() {
		s := p.snapshot()
		restarts += s.Restarts
		if i == 0 || rank[s.Phase] > rank[best.Phase] {
			best = s
		}
	}
	best.Restarts = restarts
	return best
}

func (g *Group) running() []*proc {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.procs
}
