package php

import (
	"strings"
	"syscall"
	"testing"
)

// TestScriptsDoNotSeeHowPHPWasStarted asks a worker, one forked later, and fresh ones.
func TestScriptsDoNotSeeHowPHPWasStarted(t *testing.T) {
	t.Setenv("LANG", "C.UTF-8")
	t.Setenv("LC_TIME", "C")
	g := startGroup(t, func(o *Options) { o.Workers, o.Env["LC_TIME"], o.Env["MINE"] = 1, "C", "1" })
	text := script(t, `<?php echo implode("\n", array_keys($_SERVER)), "\n";`)
	for i := range 4 {
		if i == 2 {
			if err := g.Reload(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		k := dial(t, g.Servers()[0])
		got := "\n" + k.get(text)
		for _, name := range startOnly {
			if strings.Contains(got, "\n"+name+"\n") {
				t.Errorf("scripts see %s in %q", name, got)
			}
		}
		for _, name := range []string{"LC_TIME", "MINE", "PATH"} {
			if !strings.Contains(got, "\n"+name+"\n") {
				t.Errorf("scripts do not see %s in %q", name, got)
			}
		}
		if err := syscall.Kill(k.pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
}
