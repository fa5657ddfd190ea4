package php

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestProbe(t *testing.T) {
	began := time.Now()
	g := startGroup(t, func(o *Options) {
		o.BodyMaxBytes, o.RequestTime = 3<<20, 7*time.Second
		o.Ini = map[string]string{"memory_limit": "1G", "upload_max_filesize": "1M"}
	})
	f, err := g.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("start and probe took %s", time.Since(began))
	if f.SAPI != "cgi-fcgi" || f.Version != g.opts.Binary.Version || f.PostMaxBytes != 3<<20 || f.UploadMaxBytes != 1<<20 ||
		f.MemoryLimit != 1<<30 || f.MaxExecution != 7*time.Second || !f.OPcache || !f.Has("json") || !slices.IsSorted(f.Extensions) {
		t.Errorf("facts %+v", f)
	}
}

func TestProbeOfRefusingPHP(t *testing.T) {
	g := startGroup(t, func(o *Options) { o.Ini = map[string]string{"open_basedir": "/nonexistent", "opcache.enable": "0"} })
	if _, err := g.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "did not run the probe") {
		t.Errorf("Probe = %v", err)
	}
}

// An already running php-fpm, here as nobody.
func TestProbeAddress(t *testing.T) {
	fpm, err := exec.LookPath("php-fpm8.2")
	if err != nil {
		t.Skip("needs php-fpm")
	}
	dir := t.TempDir()
	conf, socket := filepath.Join(dir, "fpm.conf"), filepath.Join(dir, "fpm.sock")
	user := ""
	if os.Getuid() == 0 {
		user = "user = nobody\n"
	}
	text := "[global]\nerror_log = " + dir + "/log\ndaemonize = no\n[www]\n" + user + "listen = " + socket +
		"\npm = static\npm.max_children = 1\nphp_admin_value[post_max_size] = 9M\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(fpm, "-y", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}()
	eventually(t, "php-fpm listens", func() bool { _, err := os.Stat(socket); return err == nil })
	f, err := ProbeAddress(t.Context(), "unix", socket)
	if err != nil || f.SAPI != "fpm-fcgi" || f.PostMaxBytes != 9<<20 {
		t.Errorf("ProbeAddress = %+v, %v", f, err)
	}
}
