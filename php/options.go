package php

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
)

// Mode says how workers are made.
type Mode uint8

const (
	// ModeAuto is ModeShared on Linux, ModeSingleTCP on Windows, and ModeSingle
	// elsewhere, where the worker behind a shared socket cannot be found.
	ModeAuto Mode = iota
	// ModeShared is one php-cgi that forks the workers (PHP_FCGI_CHILDREN): one
	// Unix socket, one opcache.
	ModeShared
	// ModeSingle is one supervised php-cgi for each worker, each with a Unix
	// socket and an opcache of its own.
	ModeSingle
	// ModeSingleTCP is ModeSingle on ports of 127.0.0.1, which any local user
	// can connect to.
	ModeSingleTCP
	// ModeFPM is one php-fpm master that forks the workers: one Unix socket, one
	// opcache, and what Options.FPM says. Not on Windows; where ModeAuto is
	// ModeSingle, the worker behind a connection cannot be found. Binary is
	// FindFPMBinary's.
	ModeFPM
)

func (m Mode) String() string {
	switch m {
	case ModeAuto:
		return "auto"
	case ModeShared:
		return "shared"
	case ModeSingle:
		return "single"
	case ModeSingleTCP:
		return "single-tcp"
	case ModeFPM:
		return "fpm"
	default:
		return "Mode(" + strconv.Itoa(int(m)) + ")"
	}
}

// shared is true of a mode whose workers are the children of one process and
// accept from one socket.
func (m Mode) shared() bool { return m == ModeShared || m == ModeFPM }

// program is what the mode runs.
func (m Mode) program() string {
	if m == ModeFPM {
		return "php-fpm"
	}
	return "php-cgi"
}

// Options says what a Group runs. It is not changed after NewGroup.
type Options struct {
	Site    string // name for the log
	Binary  Binary
	Mode    Mode
	Workers int // at least 1; see AutoWorkers

	// Ini are PHP settings; they win over php.ini and over what RequestTime and
	// BodyMaxBytes imply.
	Ini map[string]string
	// Env is the workers' environment besides PATH, locale and temporary folder.
	Env map[string]string

	// MaxRequests is after how many requests the caller retires a worker, 0 for
	// never. PHP's own limit is set far above, as a backstop.
	MaxRequests int
	// RequestTime, if not 0, sets max_execution_time, rounded up to seconds. On
	// Unix PHP counts CPU time only: the caller ends slow requests by Interrupt.
	RequestTime time.Duration
	// BodyMaxBytes, if not 0, sets post_max_size and upload_max_filesize.
	BodyMaxBytes int64

	// Account is who workers run as, which takes root; nil is ourselves, root
	// included.
	Account *Account
	// Chroot is the absolute folder, links resolved, that is the root of the file
	// system for the workers; "" for none. For ModeFPM, with an Account. All paths
	// that they are given, Ini included, count from there.
	Chroot string
	// ProbeDir is a folder below Chroot that the workers can read, as we see it.
	ProbeDir string

	// FPM is what only php-fpm can do; for ModeFPM.
	FPM FPMOptions

	// Dir is where the private folder is made; "" is the system's temporary folder.
	Dir string
	// KeepTrying makes Start succeed when php does not: it is started again
	// with growing pauses, and State tells.
	KeepTrying bool

	Log      *zap.Logger // nil for none
	OnChange func(Event) // nil for none; must not block
}

// reservedEnv are set by this package or must not reach a CGI program.
var reservedEnv = []string{"PHP_FCGI_CHILDREN", "PHP_FCGI_MAX_REQUESTS", "FCGI_WEB_SERVER_ADDRS", "FPM_SOCKETS", "HTTP_PROXY"}

// reserved compares as the system does: "http_proxy" is another variable on
// Unix, which PHP's curl honours and no request header can set.
func reserved(name string) bool {
	return slices.ContainsFunc(reservedEnv, func(r string) bool {
		return name == r || runtime.GOOS == "windows" && strings.EqualFold(name, r)
	})
}

// check returns all faults.
func (o *Options) check() error {
	var faults []error
	if !filepath.IsAbs(o.Binary.Path) {
		faults = append(faults, fmt.Errorf("php: %s %q: want an absolute path", o.Mode.program(), o.Binary.Path))
	}
	if o.Workers < 1 || o.Workers > workersMax {
		faults = append(faults, fmt.Errorf("php: %d workers: want 1 to %d", o.Workers, workersMax))
	}
	if o.MaxRequests < 0 || o.RequestTime < 0 || o.BodyMaxBytes < 0 {
		faults = append(faults, fmt.Errorf("php: negative limit: requests %d, time %s, body %d", o.MaxRequests, o.RequestTime, o.BodyMaxBytes))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Ini)) {
		if err := checkIni(name, o.Ini[name]); err != nil {
			faults = append(faults, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Env)) {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(o.Env[name], "\x00") {
			faults = append(faults, fmt.Errorf("php: environment variable %q: bad name or NUL in its value", name))
		} else if reserved(name) {
			faults = append(faults, fmt.Errorf("php: environment variable %q is not passed to PHP", name))
		}
	}
	if o.Mode == ModeFPM {
		faults = append(faults, o.FPM.check())
	}
	faults = append(faults, o.Account.check(os.Geteuid()), o.checkChroot())
	return errors.Join(faults...)
}

func (o *Options) checkChroot() error {
	switch {
	case o.Chroot == "":
		return nil
	case o.Mode != ModeFPM:
		return fmt.Errorf("php: chroot %q: only php-fpm starts its workers in another root; php-cgi would have to be in there with all its libraries", o.Chroot)
	case os.Geteuid() != 0:
		return fmt.Errorf("php: chroot %q: sluice does not run as root", o.Chroot)
	case o.Account == nil || o.Account.UID == 0:
		return fmt.Errorf("php: chroot %q: root gets out of any; workers need a user of their own", o.Chroot)
	case !filepath.IsAbs(o.Chroot) || o.ProbeDir != "" && !strings.HasPrefix(o.ProbeDir, o.Chroot+"/"):
		return fmt.Errorf("php: chroot %q: want an absolute path, with %q below it", o.Chroot, o.ProbeDir)
	}
	return nil
}

// settings merges what the limits imply with Ini, which wins.
func (o *Options) settings() map[string]string {
	ini := make(map[string]string, len(o.Ini)+3)
	if o.RequestTime > 0 {
		ini["max_execution_time"] = strconv.FormatInt(int64((o.RequestTime+time.Second-1)/time.Second), 10)
	}
	if o.BodyMaxBytes > 0 {
		ini["post_max_size"] = strconv.FormatInt(o.BodyMaxBytes, 10)
		ini["upload_max_filesize"] = ini["post_max_size"]
	}
	maps.Copy(ini, o.Ini)
	return ini
}

// requestsBackstop is after how many requests a worker ends by itself; 0: never.
func (o *Options) requestsBackstop() int {
	if o.MaxRequests == 0 {
		return 0
	}
	return 2*o.MaxRequests + requestsBackstopExtra
}
