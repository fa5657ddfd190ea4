package php

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"

	"go.uber.org/zap"
)

// prepareFPM makes what all php-fpm of a group share.
func (g *Group) prepareFPM(f *folder) error {
	if g.mode != ModeFPM {
		return nil
	}
	g.token = rand.Text()
	f.probeSuffix = g.opts.FPM.extensions()[0]
	if g.opts.FPM.SlowTime == 0 {
		return nil
	}
	slow, err := openSlowLog(f.slow(), slowEmit(&g.opts, g.log))
	g.slow = slow
	return err
}

// slowEmit logs a trace and passes it on.
func slowEmit(o *Options, log *zap.Logger) func(SlowRequest) {
	return func(r SlowRequest) {
		trace := make([]string, len(r.Trace))
		for i, f := range r.Trace {
			trace[i] = f.String()
		}
		log.Warn("slow script", zap.Int("pid", r.PID), zap.String("script", r.Script), zap.Strings("trace", trace))
		if o.FPM.OnSlow != nil {
			o.FPM.OnSlow(r)
		}
	}
}

// configureFPM writes the configuration of the next php-fpm.
func (p *proc) configureFPM(r *life) error {
	conf := fpmConf{
		opts: p.opts, listen: p.folder.fpmListen(), slow: p.folder.slow(), token: p.token, root: os.Geteuid() == 0,
	}
	if fpmHasStatusListen(p.opts.Binary.Version) {
		p.statuses++
		r.status = p.folder.status(p.statuses)
		conf.statusListen = r.status
	}
	if err := os.WriteFile(p.folder.fpmConf(), conf.render(), 0o600); err != nil {
		return fmt.Errorf("php: php-fpm configuration: %w", err)
	}
	return nil
}

// fpmArguments makes php-fpm stay in the foreground, log to stderr, and find our
// socket as one inherited from an earlier php-fpm (see the package comment). The
// leash is prepared: descriptors count from there.
func (p *proc) fpmArguments(r *life) {
	const firstExtra = 3
	cmd := r.cmd
	cmd.Args = append(cmd.Args, "--nodaemonize", "--force-stderr", "--fpm-config", p.folder.fpmConf())
	if os.Geteuid() == 0 && p.opts.Account == nil {
		cmd.Args = append(cmd.Args, "--allow-to-run-as-root")
	}
	fd := firstExtra + len(cmd.ExtraFiles)
	cmd.ExtraFiles = append(cmd.ExtraFiles, r.endpoint.file)
	cmd.Env = append(cmd.Env, "FPM_SOCKETS="+p.folder.fpmListen()+"="+strconv.Itoa(fd))
}

// Status asks php-fpm what its workers do; for ModeFPM, ErrUnsupported for the
// others. From PHP 8.0 on it answers even when all workers are busy.
func (g *Group) Status(ctx context.Context) (FPMStatus, error) {
	p, err := g.fpm()
	if err != nil {
		return FPMStatus{}, err
	}
	e, status := p.place()
	if status == "" {
		return ReadFPMStatus(ctx, e.network, e.address, fpmStatusPath(p.token))
	}
	return ReadFPMStatus(ctx, "unix", status, fpmStatusPath(p.token))
}

// Ping returns nil when a worker of php-fpm answers: it waits for a free one. For
// ModeFPM, ErrUnsupported for the others.
func (g *Group) Ping(ctx context.Context) error {
	p, err := g.fpm()
	if err != nil {
		return err
	}
	e, _ := p.place()
	return FPMPing(ctx, e.network, e.address, fpmPingPath(p.token))
}

func (g *Group) fpm() (*proc, error) {
	if g.mode != ModeFPM {
		return nil, fmt.Errorf("php: status in mode %s: %w", g.mode, ErrUnsupported)
	}
	procs := g.running()
	if len(procs) == 0 {
		return nil, ErrStopped
	}
	return procs[0], nil
}
