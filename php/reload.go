package php

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// reload is a wish for fresh processes, put to a supervisor.
type reload struct {
	ctx     context.Context //nolint:containedctx // it belongs to the wish, which crosses a channel
	done    chan error      // answered once
	swapped chan struct{}   // closed when the caller uses the new address
}

// Reload replaces the processes by fresh ones, which read php.ini and the program
// itself anew and begin with an empty opcache, and loses no request. For
// ModeShared and ModeFPM; ErrUnsupported for the others.
//
// The new ones are started beside the old, on a socket of their own; if they do
// not answer within ten seconds or before ctx ends, the old ones stay and the
// error says why. Then Servers gives the new address and swap is called, once:
// when it returns, no new connection may be made to the old address, and those
// that exist must be closed as they become free. The old processes go on for a
// second, finish the requests they have, for RequestTime or five minutes at most,
// and end in the background; WorkerOf and Kill still know them.
//
// php-fpm's own reload (SIGUSR2) is not used: it answers nobody while its workers
// finish, waits for kept connections without telling who keeps them, and ends for
// good if the configuration has become wrong.
func (g *Group) Reload(ctx context.Context, swap func([]Server)) error {
	if !g.mode.shared() {
		return fmt.Errorf("php: reload in mode %s: %w", g.mode, ErrUnsupported)
	}
	procs := g.running()
	if len(procs) == 0 {
		return ErrStopped
	}
	wish := reload{ctx: ctx, done: make(chan error, 1), swapped: make(chan struct{})}
	select {
	case procs[0].reloads <- wish:
	case <-procs[0].over:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("php: reload: %w", ctx.Err())
	}
	defer close(wish.swapped)
	if err := <-wish.done; err != nil {
		return fmt.Errorf("php: reload: %w", err)
	}
	if swap != nil {
		swap(g.Servers())
	}
	return nil
}

// succeed starts a process beside old and returns when it serves. On the calling
// thread, as all starts.
func (p *proc) succeed(wish reload, old *life, end *ending) (*life, error) {
	p.generation++
	e, err := listenUnix(p.folder.reloaded(p.generation))
	if err != nil {
		return nil, err
	}
	next, err := p.begin(e)
	if err != nil {
		return nil, errors.Join(err, e.discard())
	}
	ctx, cancel := context.WithTimeout(wish.ctx, startLimit)
	defer cancel()
	serves, asked := ask(ctx, e)
	select {
	case <-serves:
		<-asked
		p.hide(next)
		return next, nil
	case <-next.exited:
	case <-old.exited:
		err = errors.New("the old processes ended meanwhile")
	case <-end.begun:
		err = ErrStopped
	case <-asked:
		err = noAnswerError(p.mode, next.out.last())
		if wish.ctx.Err() != nil {
			err = wish.ctx.Err()
		}
	}
	cancel()
	<-asked
	next.leash.kill()
	<-next.exited
	last := p.bury(next)
	if err == nil {
		err = p.exitError(next, last)
	}
	return nil, errors.Join(err, e.discard())
}

// replace makes next the process that runs, and lets old drain.
func (p *proc) replace(old, next *life, swapped <-chan struct{}, end *ending) {
	p.mu.Lock()
	p.endpoint, p.current, p.out = next.endpoint, next, next.out
	p.draining = append(p.draining, old)
	p.mu.Unlock()
	p.become(Running, time.Time{}, nil)
	p.drains.Go(func() { p.drain(old, swapped, end) })
}

// drain lets a replaced process finish what it has.
func (p *proc) drain(old *life, swapped <-chan struct{}, end *ending) {
	select {
	case <-swapped:
	case <-end.begun:
	}
	settle := time.NewTimer(reloadSettle)
	defer settle.Stop()
	select {
	case <-settle.C:
	case <-old.exited:
	case <-end.begun:
	}
	grace := reloadDrain
	if p.opts.RequestTime > 0 {
		grace = p.opts.RequestTime
	}
	if end.has() {
		grace = end.grace
	}
	p.terminate(old, grace, end)
	<-old.exited
	p.bury(old)
	p.mu.Lock()
	for i, r := range p.draining {
		if r == old {
			p.draining = append(p.draining[:i:i], p.draining[i+1:]...)
			break
		}
	}
	p.mu.Unlock()
	if err := old.endpoint.discard(); err != nil {
		p.log.Warn("a replaced socket is left", zap.Error(err))
	}
}
