package php

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// FPMOptions are what php-fpm does and php-cgi does not.
type FPMOptions struct {
	// Extensions are those of scripts that php-fpm runs, with the dot
	// (security.limit_extensions); nil is ".php".
	Extensions []string
	// IdleTime, if not 0, makes the number of workers vary (pm = ondemand): they are
	// started when connections come, up to Options.Workers, and end when they have
	// had none for so long, rounded up to seconds. Who keeps a connection keeps its
	// worker. 0 starts all Workers at once (pm = static).
	IdleTime time.Duration
	// SlowTime is after how long php-fpm takes a back-trace of a running script,
	// rounded up to seconds; 0 for never. php-fpm stops the script for some
	// milliseconds, by ptrace(2).
	SlowTime time.Duration
	// OnSlow hears of each such script besides the log; nil for none. It is
	// called from a goroutine of the group and must not block.
	OnSlow func(SlowRequest)
	// TerminateTime is after how long of wall time php-fpm kills a worker in a
	// request, rounded up to seconds; 0 for never. A backstop: the client gets
	// no answer. The caller's own limit, by Interrupt and Kill, comes first.
	TerminateTime time.Duration
	// AdminIni are PHP settings that scripts cannot change (php_admin_value);
	// they win over Options.Ini.
	AdminIni map[string]string
	// WorkerIni are those that workers set for themselves (php_value), so that
	// php-fpm's master, which may be root, does not see what others than the
	// administrator have written.
	WorkerIni map[string]string
}

// check returns all faults.
func (o *FPMOptions) check() error {
	var faults []error
	for _, e := range o.Extensions {
		if len(e) < 2 || e[0] != '.' || strings.ContainsFunc(e[1:], func(c rune) bool { return !isWord(c) }) {
			faults = append(faults, fmt.Errorf("php: script extension %q: want a dot, then letters, digits, \"_\" or \"-\"", e))
		}
	}
	if o.IdleTime < 0 || o.SlowTime < 0 || o.TerminateTime < 0 {
		faults = append(faults, fmt.Errorf("php: negative limit: idle %s, slow %s, terminate %s", o.IdleTime, o.SlowTime, o.TerminateTime))
	}
	for _, name := range slices.Sorted(maps.Keys(o.WorkerIni)) {
		if err := checkIni(name, o.WorkerIni[name]); err != nil {
			faults = append(faults, err)
		}
		if strings.Contains(o.WorkerIni[name], "$pool") {
			faults = append(faults, fmt.Errorf("php: ini setting %s: php-fpm would replace $pool in %q", name, o.WorkerIni[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.AdminIni)) {
		if err := checkIni(name, o.AdminIni[name]); err != nil {
			faults = append(faults, err)
		}
		if strings.Contains(o.AdminIni[name], "$pool") {
			faults = append(faults, fmt.Errorf("php: ini setting %s: php-fpm would replace $pool in %q", name, o.AdminIni[name]))
		}
	}
	return errors.Join(faults...)
}

func isWord(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// extensions are those of security.limit_extensions, at least one.
func (o *FPMOptions) extensions() []string {
	if len(o.Extensions) == 0 {
		return []string{".php"}
	}
	return o.Extensions
}
