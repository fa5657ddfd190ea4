package php

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFPMReads(t *testing.T) {
	dir := dirFor(t, "reads"+filepath.Base(t.TempDir()))
	file := filepath.Join(dir, "a.php")
	if err := errors.Join(os.WriteFile(file, []byte("<?php exit(1);"), 0o644), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	address := startExternalFPM(t, "pm = static\npm.max_children = 1\nphp_admin_value[open_basedir] = "+os.TempDir())
	for _, tt := range []struct {
		path string
		want bool
	}{{file, true}, {dir, true}, {file + "x", false}, {"/etc/passwd", false}, {"/etc", false}} {
		if got, err := FPMReads(t.Context(), "unix", address, tt.path); err != nil || got != tt.want {
			t.Errorf("FPMReads(%q) = %t, %v; want %t", tt.path, got, err, tt.want)
		}
	}
	if _, err := FPMReads(t.Context(), "unix", address+"x", file); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("without a socket: %v", err)
	}
	deaf := startExternalFPM(t, "pm = static\npm.max_children = 1\nphp_admin_value[open_basedir] = /etc")
	if _, err := FPMReads(t.Context(), "unix", deaf, file); !errors.Is(err, ErrRefused) {
		t.Errorf("of who can't run our script: %v", err)
	}
}
