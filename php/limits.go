package php

import "time"

const (
	// versionLimit bounds one run of "php-cgi -v".
	versionLimit = 5 * time.Second
	// versionOutputMaxBytes bounds what is read from it.
	versionOutputMaxBytes = 64 << 10

	// startLimit is how long Start waits for the first answer of a worker.
	startLimit = 10 * time.Second
	// settleTime is how long a restarted process must live to count as running
	// when its workers are too busy to answer.
	settleTime = time.Second
	// dialRetry is the pause between attempts while php has not bound its port.
	dialRetry = 5 * time.Millisecond

	// backoffFirst and backoffMax bound the pause between failing starts; a
	// process that ran for backoffReset counts as healthy.
	backoffFirst = 100 * time.Millisecond
	backoffMax   = 30 * time.Second
	backoffReset = 30 * time.Second

	// fpmQuitTime is how long a php-fpm that somebody else tells to end or to
	// reload waits for its workers; RequestTime if that is longer.
	fpmQuitTime = time.Minute
	// stokePause is how long a php-fpm gets to start one worker on demand, and
	// stokePauseMax the pause where it can't start more: it has been asked for each
	// one pokesPerWorker times.
	stokePause    = 5 * time.Millisecond
	stokePauseMax = 100 * time.Millisecond

	pokesPerWorker = 8
	// poolNameMaxBytes cuts the site's name in the name of its php-fpm pool.
	poolNameMaxBytes = 64
	// reloadSettle is how long the processes that a Reload replaces go on
	// accepting: who was about to connect to them has done so by then.
	reloadSettle = time.Second
	// reloadDrain is how long they may take for their last requests if there is
	// no RequestTime.
	reloadDrain = 5 * time.Minute

	// slowQuiet ends a trace whose end nothing else marks.
	slowQuiet = 100 * time.Millisecond
	// slowFramesMax and slowLineMaxBytes bound a trace: php-fpm writes 20 frames.
	slowFramesMax    = 64
	slowLineMaxBytes = 4096

	// statusProcessesMax bounds the processes read from a status page.
	statusProcessesMax = workersMax
	// findLimit bounds the question put to one socket that may be a php-fpm.
	findLimit = 2 * time.Second

	// goneLimit is how long a killed process group may take to disappear.
	goneLimit = 2 * time.Second
	// gonePoll is the pause between looks at it.
	gonePoll = 10 * time.Millisecond
	// gonePollMax is that pause when they take their time.
	gonePollMax = 200 * time.Millisecond
	// retireLimit is how long a worker may take to exit by itself.
	retireLimit = time.Second
	// drainLimit is how long output is still read after the processes are gone;
	// a daemon that a script started may hold the pipe open for ever.
	drainLimit = 200 * time.Millisecond

	// lineMaxBytes cuts one line of php's output.
	lineMaxBytes = 2048
	// linesBurst and linesPerSecond bound what is logged of it: at worst 20 kB/s.
	linesBurst     = 100
	linesPerSecond = 10
	// tailLines is how many last lines an error quotes.
	tailLines = 8
	// outputReadBytes is the size of one read from php's output.
	outputReadBytes = 16 << 10

	// requestsBackstopExtra is added to twice MaxRequests to get
	// PHP_FCGI_MAX_REQUESTS: php must never retire before Retire does.
	requestsBackstopExtra = 1000

	// answerMaxBytes bounds an answer read by the package's own FastCGI client.
	answerMaxBytes = 1 << 20

	// workersMax is more than any machine can use; a larger number is a mistake.
	workersMax = 4096
	// workersAutoMin and workersPerCPU give the default number of workers.
	workersAutoMin = 4
	workersPerCPU  = 2
	// workerMemoryBytes is what AutoWorkers reckons for one worker: WordPress
	// with a dozen plugins takes 40 to 60 MB.
	workerMemoryBytes = 64 << 20

	// staleFolderAge is how old an unlocked run folder must be to be removed: a
	// younger one may be between its creation and its locking.
	staleFolderAge = time.Minute

	// sweepEvery and sweepAge are when private temporary files are looked at, and
	// how old those are that go: as old as those of /tmp that systemd removes.
	sweepEvery = 6 * time.Hour
	sweepAge   = 10 * 24 * time.Hour
	// privateAttempts bounds the races with another sluice over one folder.
	privateAttempts = 10
	// configuredAge is how long what a program says of php.ini counts.
	configuredAge = 10 * time.Second

	// environBytesMax bounds the environment of a process that we look at.
	environBytesMax = 4 << 20
)
