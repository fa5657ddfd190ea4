package host

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"sluice/accesslog"
	"sluice/conf"
	"sluice/site"
)

// logs holds the open log files.
type logs struct {
	err    *errorFile // nil: messages go to a logger that is not ours
	access map[conf.AccessLog]*accesslog.Log
	report func(error)
}

// errorFile is the error log, which can be reopened.
type errorFile struct {
	mu   sync.Mutex
	path string // "-" for standard error
	f    *os.File
}

func openErrorFile(path string) (*errorFile, error) {
	e := &errorFile{path: path}
	return e, e.reopen()
}

func (e *errorFile) reopen() error {
	if e.path == "-" || e.path == "" {
		e.f = os.Stderr
		return nil
	}
	f, err := os.OpenFile(e.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("error log: %w", err)
	}
	e.mu.Lock()
	old := e.f
	e.f = f
	e.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
	return nil
}

// Write implements zapcore.WriteSyncer.
func (e *errorFile) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.f.Write(p)
}

// Sync implements zapcore.WriteSyncer.
func (e *errorFile) Sync() error { return nil }

// newLogger writes lines for people on a terminal, JSON elsewhere.
func newLogger(level string, to *errorFile) (*zap.Logger, error) {
	lv, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, err
	}
	ec := zap.NewProductionEncoderConfig()
	ec.EncodeTime = zapcore.ISO8601TimeEncoder
	enc := zapcore.NewJSONEncoder(ec)
	if st, err := to.f.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
		ec.EncodeLevel = zapcore.CapitalLevelEncoder
		enc = zapcore.NewConsoleEncoder(ec)
	}
	return zap.New(zapcore.NewCore(enc, to, lv)), nil
}

const (
	// Of messages of the same kind, requestLinesPerSecond are written each
	// second, then every requestLinesNth.
	requestLinesPerSecond = 200
	requestLinesNth       = 1000
)

func sampled(log *zap.Logger) *zap.Logger {
	return log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(c, time.Second, requestLinesPerSecond, requestLinesNth)
	}))
}

// openAccess opens each access log once, however many sites share it.
func (l *logs) openAccess(a conf.AccessLog) (*accesslog.Log, error) {
	if a.Path == "off" || a.Path == "" {
		return nil, nil //nolint:nilnil // no log is a setting, not a fault
	}
	if log := l.access[a]; log != nil {
		return log, nil
	}
	format, err := accesslog.ParseFormat(a.Format)
	if err != nil {
		return nil, err
	}
	log, err := accesslog.Open(accesslog.Options{Path: a.Path, Format: format, Report: l.report})
	if err != nil {
		return nil, err
	}
	l.access[a] = log
	return log, nil
}

func (l *logs) reopen() {
	if l.err != nil {
		if err := l.err.reopen(); err != nil {
			l.report(err)
		}
	}
	for _, log := range l.access {
		if err := log.Reopen(); err != nil {
			l.report(err)
		}
	}
}

func (l *logs) close() {
	for _, log := range l.access {
		if err := log.Close(); err != nil {
			l.report(err)
		}
	}
}

// droppedFields counts field lines that scripts do not get, and says so once a
// minute, so that nobody is surprised and nobody can fill the log.
type droppedFields struct {
	count atomic.Int64
	said  atomic.Int64 // unix time
}

func (d *droppedFields) report(log *zap.Logger, n int, request string, client netip.Addr) {
	total := d.count.Add(int64(n))
	now, said := time.Now().Unix(), d.said.Load()
	if now-said >= 60 && d.said.CompareAndSwap(said, now) {
		log.Info("header fields with characters outside letters, digits and - are not passed to PHP",
			zap.Int64("dropped_so_far", total), zap.String("req", request), zap.Stringer("client", client))
	}
}

// report writes what the front tells of a request.
func report(log *zap.Logger, r site.Report, client netip.Addr, request string) {
	fields := []zap.Field{zap.String("req", request), zap.Stringer("client", client)}
	if r.Site != "" {
		fields = append(fields, zap.String("site", r.Site))
	}
	if r.Script != "" {
		fields = append(fields, zap.String("script", r.Script))
	}
	if r.Status != 0 {
		fields = append(fields, zap.Int("status", r.Status))
	}
	if r.Err != nil {
		level := zapcore.WarnLevel
		switch {
		case r.Status >= 500:
			level = zapcore.ErrorLevel
		case r.Status >= 400:
			level = zapcore.InfoLevel
		}
		if ce := log.Check(level, "request failed"); ce != nil {
			ce.Write(append(fields, zap.Error(r.Err))...)
		}
	}
	if r.Took > 0 {
		log.Warn("slow script", append(fields[:len(fields):len(fields)], zap.Duration("dur", r.Took.Round(time.Millisecond)), zap.Duration("waited", r.Waited.Round(time.Millisecond)))...)
	}
	if len(r.Stderr) > 0 {
		reportStderr(log, r, fields)
	}
}

var _ io.Writer = (*errorFile)(nil)
