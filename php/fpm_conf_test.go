package php

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
)

func TestFPMConf(t *testing.T) {
	tests := []struct {
		name    string
		conf    fpmConf
		want    []string // lines
		wantNot []string // beginnings of lines
	}{
		{
			"least",
			fpmConf{opts: &Options{Workers: 3}, listen: "/d/fpm.sock", token: "T"},
			[]string{
				"[global]", "daemonize = no", "error_log = /dev/stderr", "process_control_timeout = 60s", "[sluice-]", "listen = '/d/fpm.sock'",
				"pm = static", "pm.max_children = 3", "pm.max_requests = 0", "pm.status_path = /sluice-status-T", "ping.path = /sluice-ping-T",
				"clear_env = no", "catch_workers_output = yes", "security.limit_extensions = .php",
			},
			[]string{"user", "group", "pm.status_listen", "slowlog", "request_", "php_", "chdir", "pm.process_idle"},
		},
		{
			"most",
			fpmConf{
				opts: &Options{
					Site: "a.b/c ]\n", Workers: 5, MaxRequests: 10, RequestTime: 90*time.Second + 1,
					FPM: FPMOptions{
						Extensions: []string{".php", ".inc"}, IdleTime: 1500 * time.Millisecond, SlowTime: 1500 * time.Millisecond, TerminateTime: time.Minute,
						AdminIni: map[string]string{"b": "it's", "a": "1"},
					},
					Account: &Account{Name: "u", UID: 7, GID: 8}, Chroot: "/c;",
				},
				listen: "/d;x/fpm.sock", statusListen: "/d;x/s1.sock", slow: "/d;x/slow", token: "T", root: true,
			},
			[]string{
				"process_control_timeout = 91s", "[sluice-a.b_c___]", "listen = '/d;x/fpm.sock'", "pm = ondemand", "pm.process_idle_timeout = 2s",
				"pm.max_children = 5", "pm.max_requests = 1020",
				"pm.status_listen = '/d;x/s1.sock'", "request_slowlog_timeout = 2s", "slowlog = '/d;x/slow'", "request_terminate_timeout = 60s",
				"security.limit_extensions = .php .inc", "php_admin_value[a] = '1'", `php_admin_value[b] = "it's"`,
				"user = u", "group = 8", "chdir = /", "chroot = '/c;'",
			},
			nil,
		},
		{"root", fpmConf{opts: &Options{Workers: 1}, root: true}, []string{"user = root", "pm = static"}, []string{"group", "chdir"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := strings.Split(string(tt.conf.render()), "\n")
			for _, want := range tt.want {
				if !slices.Contains(lines, want) {
					t.Errorf("%q is missing in %q", want, lines)
				}
			}
			for _, not := range tt.wantNot {
				if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, not) }) {
					t.Errorf("%q is in %q", not, lines)
				}
			}
		})
	}
}

func TestFPMOptionsCheck(t *testing.T) {
	o := FPMOptions{
		Extensions: []string{".php", "php", ".", ".a b", ".x\ny"}, IdleTime: -2, SlowTime: -1,
		AdminIni: map[string]string{"a b": "1", "ok": "x\ny", "fine": "1", "p": "a$pool"},
	}
	err := o.check()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`extension "php"`, `extension "."`, `extension ".a b"`, `".x\ny"`, "idle -2ns, slow -1ns", "setting ok", "setting p",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %s: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "fine") || strings.Contains(err.Error(), `".php"`) {
		t.Errorf("error names too much: %v", err)
	}
	for _, good := range []FPMOptions{{}, {IdleTime: 3, Extensions: []string{".php"}}} {
		if err := good.check(); err != nil {
			t.Errorf("check(%+v) = %v", good, err)
		}
	}
}

func TestFPMLine(t *testing.T) {
	tests := []struct {
		line, want string
		level      zapcore.Level
	}{
		{"[21-Nov-2026 02:54:31] WARNING: [pool x] child 7 exited", "[pool x] child 7 exited", zapcore.WarnLevel},
		{"[21-Nov-2026 02:54:31] NOTICE: ready to handle connections", "ready to handle connections", zapcore.DebugLevel},
		{"[21-Nov-2026 02:54:31] ERROR: failed", "failed", zapcore.ErrorLevel},
		{"[21-Nov-2026 02:54:31] ALERT: failed", "failed", zapcore.ErrorLevel},
		{"[21-Nov-2026 02:54:31] WARNING: [pool a] child 7, script 'x' (request: \"GET /\") executing too slow (1.1 sec), logging", "[pool a] child 7, script 'x' (request: \"GET /\") executing too slow (1.1 sec), logging", zapcore.DebugLevel},
		{"NOTICE: PHP message: PHP Fatal error:  x", "PHP message: PHP Fatal error:  x", zapcore.InfoLevel},
		{"ERROR: by a script", "ERROR: by a script", zapcore.WarnLevel},
		{"PHP Fatal error: x", "PHP Fatal error: x", zapcore.ErrorLevel},
		{"[x] plain", "[x] plain", zapcore.WarnLevel},
		{"[x", "[x", zapcore.WarnLevel},
	}
	for _, tt := range tests {
		if got, level := fpmLine([]byte(tt.line)); string(got) != tt.want || level != tt.level {
			t.Errorf("fpmLine(%q) = %q, %s; want %q, %s", tt.line, got, level, tt.want, tt.level)
		}
	}
}

func TestFPMHasStatusListen(t *testing.T) {
	for version, want := range map[string]bool{"7.4.33": false, "8.0.0": true, "8.5.0RC1": true, "": false} {
		if got := fpmHasStatusListen(version); got != want {
			t.Errorf("fpmHasStatusListen(%q) = %t", version, got)
		}
	}
}

// What a .htaccess says is for the workers alone: the master, which may be root, reads
// an ini file before it becomes anybody else.
func TestWorkerIni(t *testing.T) {
	o := Options{Site: "s", Workers: 1, FPM: FPMOptions{WorkerIni: map[string]string{"error_log": "/tmp/it's"}}}
	text := string(fpmConf{opts: &o}.render())
	if want := "php_value[error_log] = \"/tmp/it's\"\n"; !strings.Contains(text, want) || strings.Contains(string(renderIni(o.settings())), "error_log") {
		t.Errorf("%s\nlacks %s", text, want)
	}
	for name, value := range map[string]string{"a]b": "1", "a": "x\ny", "b": "$pool"} {
		if err := (&FPMOptions{WorkerIni: map[string]string{name: value}}).check(); err == nil {
			t.Errorf("%q = %q is taken", name, value)
		}
	}
}
