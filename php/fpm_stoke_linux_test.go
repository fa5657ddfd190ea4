package php

import (
	"syscall"
	"testing"
	"time"
)

// Workers are started when they are needed, all at once also, and end when they
// are not: connections that come together do not wait for those before them, whose
// workers are kept.
func TestFPMWorkersVary(t *testing.T) {
	const most = 6
	g := startFPM(t, func(o *Options) { o.Workers, o.FPM.IdleTime = most, time.Second })
	if n := len(g.Workers()); n > 1 {
		t.Errorf("%d workers at the start, want no more than 1", n)
	}
	file := script(t, "<?php usleep(300000); echo 1;")
	for round := range 2 {
		began := time.Now()
		var all []*kept
		for range most {
			k := dial(t, g.Servers()[0])
			k.send(file)
			all = append(all, k)
		}
		for i, k := range all {
			if body, _, err := k.receive(); err != nil || body != "1" {
				t.Fatalf("round %d, request %d after %v: answer %q, %v", round, i, time.Since(began), body, err)
			}
		}
		took := time.Since(began)
		t.Logf("round %d: %v", round, took)
		if took > 1200*time.Millisecond { // one after the other: 1.8 s
			t.Errorf("round %d: %d requests of 300 ms took %v", round, most, took)
		}
		if s, err := g.Status(t.Context()); err != nil || s.Manager != "ondemand" || len(s.Processes) != most {
			t.Errorf("Status() = %+v, %v", s, err)
		}
		for _, k := range all[1:] {
			if err := k.conn.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for deadline := time.Now().Add(30 * time.Second); len(g.Workers()) != 1; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("workers %+v are left, want that of the kept connection", g.Workers())
			}
		}
		if err := all[0].conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Connections that came while there was no php-fpm are all served by the next one,
// and those after a reload by the fresh one.
func TestFPMWorkersVaryAfterRestart(t *testing.T) {
	g := startFPM(t, func(o *Options) { o.Workers, o.FPM.IdleTime = 4, time.Minute })
	file := script(t, "<?php echo 1;")
	serves := func(when string) {
		t.Helper()
		var all []*kept
		for range 4 {
			k := dial(t, g.Servers()[0])
			k.send(file)
			all = append(all, k)
		}
		for i, k := range all {
			if body, _, err := k.receive(); err != nil || body != "1" {
				t.Fatalf("%s, request %d: answer %q, %v", when, i, body, err)
			}
		}
		for _, k := range all {
			if err := k.conn.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	serves("at first")
	old := g.State().PID
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	serves("after the end of the master")
	eventually(t, "it runs again", func() bool { return g.State().Phase == Running && g.State().PID != old })
	if err := g.Reload(t.Context(), func([]Server) {}); err != nil {
		t.Fatal(err)
	}
	serves("after a reload")
}
