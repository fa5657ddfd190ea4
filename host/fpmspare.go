package host

import "time"

// fpmSpareTime is after how long without a request a worker of our php-fpm gives
// its connection back, and then after how long it ends (php.workers_min).
const fpmSpareTime = 5 * time.Second

// varies tells whether php-fpm's workers come and go with the requests.
func (r *phpRunner) varies() bool {
	return r.fpm && r.cfg.WorkersMin > 0 && r.cfg.WorkersMin < r.sizer.max
}

// giveBack closes connections that nobody needed for a while, until endLooking:
// php-fpm ends the workers behind them. Those of php.workers_min are kept.
func (r *phpRunner) giveBack() {
	tick := time.NewTicker(fpmSpareTime / 5)
	defer tick.Stop()
	for {
		select {
		case <-r.ending:
			return
		case <-tick.C:
		}
		r.pool.Trim(r.cfg.WorkersMin, fpmSpareTime)
		r.lane.Trim(0, fpmSpareTime)
	}
}
