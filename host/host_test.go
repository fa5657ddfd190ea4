package host

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"go.uber.org/zap"

	"sluice/conf"
)

func configOf(t *testing.T, text string) *conf.Config {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("page"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := conf.Parse(filepath.Join(dir, "sluice.toml"), []byte(text), conf.Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// A start that fails says at which stage, and leaves nothing running.
func TestStartFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, tt := range []struct {
		name, text string
		stage      Stage
	}{
		{"address in use", "listen = [\"" + taken.Addr().String() + "\"]\n[[site]]\nroot = \".\"\n[site.php]\nuse = \"off\"\n", StageListen},
		{"the second site's PHP", "listen = [\"127.0.0.1:0\"]\n[[site]]\nnames = [\"a\"]\nroot = \".\"\n[site.php]\nuse = \"off\"\n[[site]]\nroot = \".\"\n[site.php]\nuse = \"/bin/true\"\n", StagePHP},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := configOf(t, tt.text)
			goroutines, fds := runtime.NumGoroutine(), descriptors()
			h, err := Start(cfg, Options{Logger: zap.NewNop()})
			if err == nil {
				_ = h.Stop(0)
				t.Fatal("it started")
			}
			var f *Fault
			if !errors.As(err, &f) || f.Stage != tt.stage {
				t.Errorf("%v: stage %v, want %d", err, f, tt.stage)
			}
			for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines || descriptors() > fds; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(end) {
					buf := make([]byte, 1<<16)
					t.Fatalf("descriptors %d, before %d\n%s", descriptors(), fds, buf[:runtime.Stack(buf, true)])
				}
			}
		})
	}
}

func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// Sites can be made without anything being started for them.
func TestPretend(t *testing.T) {
	cfg := configOf(t, "[[site]]\nnames = [\"a\"]\nroot = \".\"\n[site.php]\nuse = \"tcp:127.0.0.1:1\"\n[[site]]\nroot = \".\"\n[site.php]\nuse = \"off\"\n")
	sites, php, err := Pretend(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sites {
		defer s.Close()
	}
	if len(sites) != 2 || sites[0].Site().Label() != "a" || sites[1].Config() != &cfg.Sites[1] {
		t.Errorf("sites %v", sites)
	}
	if php["a"] != "tcp:127.0.0.1:1" || php["default"] != "off: scripts are refused" {
		t.Errorf("PHP %q", php)
	}
	if list := Constants(&cfg.Sites[0]); len(list) != 2 || list[0].Value != "CGI/1.1" || list[1].Value != "sluice" {
		t.Errorf("constants %v", list)
	}
}
