package php

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestChroot(t *testing.T) {
	needRoot(t)
	jail := openDir(t)
	p := openPrivateFor(t, PrivateOptions{Site: "a", State: filepath.Join(jail, ".sluice"), Account: bob, Chroot: jail})
	t.Cleanup(func() { _ = p.Close() })
	g := startFPM(t, func(o *Options) {
		o.Account, o.Chroot, o.ProbeDir = bob, jail, p.Tmp()
		o.Ini = p.Settings(nil, map[string]string{"session.save_handler": "files"})
	})
	if facts, err := g.Probe(t.Context()); err != nil || facts.SAPI != "fpm-fcgi" {
		t.Errorf("Probe() = %+v, %v", facts, err)
	}
	if left, err := os.ReadDir(p.Tmp()); err != nil || len(left) != 0 {
		t.Errorf("the probe left %v, %v", left, err)
	}
	text := `<?php session_start(); echo json_encode([posix_geteuid(), scandir('/'), file_exists('/etc/passwd'), dirname(tempnam(sys_get_temp_dir(), 'x'))]);`
	file := filepath.Join(jail, "x.php")
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.Chmod(file, 0o644)); err != nil {
		t.Fatal(err)
	}
	k := dial(t, g.Servers()[0])
	if got, want := k.get("/x.php"), `[54322,[".","..",".sluice","x.php"],false,"\/.sluice\/a\/tmp"]`; got != want {
		t.Errorf("in the chroot: %s, want %s", got, want)
	}
	if w := workerOf(t, g, k); w.PID == 0 {
		t.Error("the worker is not found")
	}
	if left, err := os.ReadDir(filepath.Join(p.Path(), "sessions")); err != nil || len(left) != 1 {
		t.Errorf("sessions: %v, %v; want one", left, err)
	}
}
