package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"sluice/conf"
	"sluice/fcgi"
	"sluice/php"
)

// patience is how long a pause before the next start of php-cgi requests wait
// through; before a longer one they get 503 at once.
const patience = 2 * time.Second

// phpRunner is a site's PHP: own workers, or a FastCGI server that runs already.
type phpRunner struct {
	cfg       *conf.PHP
	pool      *fcgi.Pool
	group     *php.Group // nil for a server that is not ours
	fpm       bool       // group is a php-fpm
	bin       php.Binary
	facts     atomic.Pointer[php.Facts] // nil: it has not told
	log       *zap.Logger
	plain     *zap.Logger // log without the site, which php names itself
	where     string
	upstreams *upstreams        // nil: PHP is ours
	status    statusPages       // of upstreams
	foreign   foreignWorkers    // of upstreams
	laneTo    *upstreams        // lane's servers, if they are not ours
	isolation *isolation        // nil: PHP is not ours
	workerIni map[string]string // of a .htaccess, for php-fpm
	conns     int               // workers, at the beginning
	sizer     sizer             // belongs to size
	workers   atomic.Int32      // that may run scripts now
	lane      *fcgi.Pool        // for a site's calls to itself; nil: it has none
	ending    chan struct{}     // ends what looks after the workers

	laneWorkers int
	servers     sync.Mutex // held while the pool is told of them
}

// newPHP prepares a site's PHP; nil when there is none and none is needed.
func newPHP(s *conf.Site, log *zap.Logger) (*phpRunner, error) {
	r := &phpRunner{cfg: &s.PHP, plain: log, log: log.With(zap.String("site", s.Label()))}
	if len(s.PHP.Servers) > 0 {
		r.external(slices.Clone(s.PHP.Servers))
		return r, nil
	}
	switch s.PHP.Mode {
	case conf.PHPOff:
		return nil, nil //nolint:nilnil // off is a setting, not a fault
	case conf.PHPUnix, conf.PHPTCP:
		r.external([]conf.Upstream{{Network: string(s.PHP.Mode), Address: s.PHP.Path}})
		return r, nil
	case conf.PHPAuto:
		if s.App == conf.AppSPA {
			return nil, nil //nolint:nilnil // such a site is all files
		}
	case conf.PHPBinary:
	}
	if s.PHP.Manager == "fpm" {
		return r, r.ownFPM(s)
	}
	bin, err := php.Find(s.PHP.Path)
	if errors.Is(err, php.ErrNoBinary) && s.PHP.Mode == conf.PHPAuto && s.App != conf.AppStatic {
		if found := r.otherThanCGI(s); found {
			return r, nil
		}
	}
	if err != nil && s.PHP.Mode == conf.PHPAuto && s.App == conf.AppStatic {
		level, text := zap.WarnLevel, "php-cgi can't be used; this site seems to need none, scripts are refused"
		if errors.Is(err, php.ErrNoBinary) {
			level, text = zap.InfoLevel, "no php-cgi found; this site seems to need none, scripts are refused"
		}
		r.log.Log(level, text, zap.Error(err))
		return nil, nil //nolint:nilnil // see above
	}
	if err != nil {
		return nil, at(StagePHP, err)
	}
	if bin.Notice != "" {
		r.log.Warn(bin.Notice)
	}
	r.bin, r.where = bin, bin.Path
	return r, r.own(s)
}

// ownFPM runs a private php-fpm.
func (r *phpRunner) ownFPM(s *conf.Site) error {
	hint := ""
	if s.PHP.Mode == conf.PHPBinary {
		hint = s.PHP.Path
	}
	bin, err := php.FindFPMBinary(hint)
	if err != nil {
		return at(StagePHP, err)
	}
	r.bin, r.where, r.fpm = bin, bin.Path, true
	return r.own(s)
}

// external uses FastCGI servers that are not ours.
func (r *phpRunner) external(list []conf.Upstream) {
	for i := range list {
		if list[i].Conns == 0 {
			list[i].Conns = r.cfg.Workers
		}
	}
	r.upstreams = newUpstreams(list, r.cfg.Balance, fcgi.Options{Queue: r.cfg.Queue, QueueTime: r.cfg.QueueTime}, r.log)
	r.pool, r.status.off = r.upstreams.pool, r.cfg.StatusPath == ""
	r.laneTo = laneOf(list, r)
	r.lane = r.laneTo.pool
	r.ending = make(chan struct{})
	r.where = list[0].Network + ":" + list[0].Address
	if len(list) > 1 {
		r.where += fmt.Sprintf(" and %d more", len(list)-1)
	}
}

// iniWithDefaults makes opcache look at a script's file again after a second, as
// sluice does for all files; php's own default is two. (0 would ask the file
// system for every included file of every request.)
func iniWithDefaults(set map[string]string) map[string]string {
	ini := map[string]string{"opcache.revalidate_freq": "1"}
	maps.Copy(ini, set)
	return ini
}

func (r *phpRunner) own(s *conf.Site) error {
	r.decideWorkers()
	opts := php.Options{
		Site: s.Label(), Binary: r.bin, Workers: r.sizer.max + r.laneWorkers, Ini: iniWithDefaults(r.cfg.Ini), MaxRequests: r.cfg.MaxRequests,
		RequestTime: r.cfg.RequestTime, BodyMaxBytes: max(s.BodyMax, 0), KeepTrying: true, Log: r.plain, OnChange: r.changed,
	}
	first := r.isolation == nil
	if first {
		var err error
		if r.isolation, err = isolate(s, r.bin, r.log); err != nil {
			return err
		}
	}
	r.isolation.apply(r.cfg.Ini, &opts)
	if r.fpm {
		opts.Mode = php.ModeFPM
		opts.FPM = php.FPMOptions{
			Extensions: r.cfg.Extensions, SlowTime: r.cfg.SlowTime, WorkerIni: r.workerIni,
		}
		if r.varies() {
			opts.FPM.IdleTime = fpmSpareTime
		}
	}
	group, err := php.NewGroup(opts)
	if err != nil {
		if first {
			r.abandon()
		}
		return at(StagePHP, err)
	}
	r.group = group
	pool := fcgi.Options{
		Queue: r.cfg.Queue, QueueTime: r.cfg.QueueTime, RequestsMax: r.cfg.MaxRequests, Retire: r.retire, Kill: r.kill,
	}
	r.pool, r.lane = fcgi.NewPool(pool), fcgi.NewPool(pool)
	if r.fpm {
		r.pool.Linger()
		r.lane.Linger()
	}
	r.pipeline()
	r.ending = make(chan struct{})
	return nil
}

// start starts own workers and asks PHP for its limits.
func (r *phpRunner) start(ctx context.Context) error {
	if r.upstreams != nil {
		if err := errors.Join(r.upstreams.start(ctx), r.laneTo.start(ctx)); err != nil {
			return at(StagePHP, err)
		}
		return nil
	}
	if err := r.group.Start(ctx); err != nil {
		return at(StagePHP, err)
	}
	r.useServers()
	if r.sizer.max > r.sizer.min {
		go r.size()
	}
	if r.varies() {
		go r.giveBack()
	}
	return nil
}

// probe asks PHP for its limits.
func (r *phpRunner) probe(ctx context.Context) error {
	if r.group == nil {
		err := r.probeServers(ctx)
		r.lookAtServers()
		return err
	}
	facts, err := r.group.Probe(ctx)
	if err == nil {
		r.facts.Store(&facts)
	}
	return err
}

// pipeline has quick requests written behind others, unless that is switched off.
func (r *phpRunner) pipeline() {
	if r.cfg.Pipeline {
		r.pool.Pipeline()
	}
}

// changed hears of workers that can't be started, or can again.
func (r *phpRunner) changed(php.Event) {
	st := r.group.State()
	switch st.Phase {
	case php.BackingOff:
		if time.Until(st.Until) < patience {
			return // requests wait at the socket, which is ours and open
		}
		r.pool.SetDown(fmt.Errorf("%s does not run, next attempt at %s: %w", r.where, st.Until.Format(time.TimeOnly), st.Err))
	case php.Running:
		r.pool.SetDown(nil)
	case php.Starting, php.Stopped:
	}
}

// retire lets a worker go after its share of requests.
func (r *phpRunner) retire(_ fcgi.Server, fd uintptr) error {
	err := r.group.Retire(fd)
	if err != nil {
		r.log.Warn("a php worker could not be retired; its own limit will", zap.Error(err))
	}
	return err
}

// kill ends the script that a worker is at, as max_execution_time does.
func (r *phpRunner) kill(_ fcgi.Server, fd uintptr) (func(), error) {
	w, err := r.group.WorkerOf(fd)
	if err != nil {
		r.log.Error("the worker of a request past its limit was not found", zap.Error(err))
		return nil, err
	}
	force := func() {
		if err := r.group.Kill(w, syscall.SIGKILL); err != nil && !errors.Is(err, php.ErrWorkerGone) {
			r.log.Error("a php worker could not be ended", zap.Int("pid", w.PID), zap.Error(err))
		}
	}
	if err := r.group.Interrupt(w); err != nil {
		force()
	}
	return force, nil
}

func (r *phpRunner) stop(grace time.Duration) {
	r.upstreams.close()
	r.laneTo.close()
	r.endLooking()
	if r.group != nil {
		if err := r.group.Stop(grace); err != nil {
			r.log.Warn("stopping php", zap.Error(err))
		}
	}
}
