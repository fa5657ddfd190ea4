//go:build linux

package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// slowLine is a line of the slow log; times are seconds.
type slowLine struct {
	Msg, Level, Script string
	Dur, Waited        float64
}

func slowLines(s *server) (list []slowLine) {
	for line := range strings.Lines(s.proc.output()) {
		var l slowLine
		if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "slow script" {
			list = append(list, l)
		}
	}
	return list
}

// TestSlowLog: php.slow_time is about the time that a script had a worker, however
// its request ends.
func TestSlowLog(t *testing.T) {
	st, _ := faultSite(t)
	for name, code := range map[string]string{
		"slow": "usleep(1200000); echo 'slow';", "long": "sleep(4);", "die": "usleep(1000000); posix_kill(getmypid(), 9);", "quick": "echo 'quick';",
		"send": "usleep(1000000); header('X-Sendfile: ' . __DIR__ . '/sent.txt');",
	} {
		writeFile(t, filepath.Join(st.root, name+".php"), "<?php "+code)
	}
	writeFile(t, filepath.Join(st.root, "sent.txt"), "sent")
	s := startSluiceConf(t, phpSite(st.root, "workers = 1\nworkers_max = 1\nslow_time = \"800ms\""))
	next := 0
	expect := func(script string, least, most, waited float64) {
		t.Helper()
		if !eventually(10*time.Second, func() bool { return len(slowLines(s)) > next }) {
			t.Fatalf("no line about %s: %v", script, slowLines(s))
		}
		l := slowLines(s)[next]
		next++
		if l.Script != script || l.Level != "warn" || l.Dur < least || l.Dur > most || l.Waited < waited {
			t.Errorf("%+v, want %s, dur %g to %g, waited %g", l, script, least, most, waited)
		}
	}
	get(t, s, "/quick.php") // the worker is there

	var all []<-chan answer
	for _, target := range []string{"/slow.php", "/quick.php", "/slow.php"} { // in this order
		all = append(all, inFlight(s, "GET", target, ""))
		time.Sleep(100 * time.Millisecond)
	}
	for _, ch := range all {
		if a := await(t, "answer", ch, 20*time.Second); a.status != http.StatusOK {
			t.Errorf("status %d", a.status)
		}
	}
	const slack = 5 // seconds, on a busy machine
	expect("/slow.php", 1.2, 1.2+slack, 0)
	expect("/slow.php", 1.2, 1.2+slack, 0.5)

	if a := get(t, s, "/send.php"); a.body != "sent" {
		t.Errorf("X-Sendfile: %d %s", a.status, excerpt(a.body))
	}
	expect("/send.php", 1, 1+slack, 0)

	if a := get(t, s, "/die.php"); a.status != http.StatusBadGateway {
		t.Errorf("a script that dies: status %d", a.status)
	}
	expect("/die.php", 1, 1+slack, 0)

	// Who has left leaves a line too. The worker may be new.
	if !eventually(10*time.Second, func() bool {
		a, err := tryRaw(s.addr, "GET", request(s, "GET", "/quick.php", ""))
		return err == nil && a.body == "quick"
	}) {
		t.Fatal("no worker after the one that died")
	}
	c := dial(t, s.addr)
	if _, err := io.WriteString(c, request(s, "GET", "/long.php", "")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	_ = c.Close()
	expect("/long.php", 0.8, 4+slack, 0)

	if text := s.proc.output(); strings.Contains(text, "php.slow_time is") || len(slowLines(s)) != next {
		t.Errorf("further lines: %v", slowLines(s)[min(next, len(slowLines(s))):])
	}
	if failed := strings.Count(s.proc.output(), `"request failed"`); failed != 1 {
		t.Errorf("%d requests failed, want that of /die.php alone:\n%s", failed, fmt.Sprint(s.proc.tail(2000)))
	}
}
