//go:build linux

package integration

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestGatewayReload reloads two php-fpm that are not ours 20 times under load:
// no GET fails and no POST runs twice, also where php-fpm ends scripts that run.
func TestGatewayReload(t *testing.T) {
	const reloads = 20
	for _, how := range []struct{ name, control string }{{"patient", "10s"}, {"at once", ""}} {
		t.Run(how.name, func(t *testing.T) {
			s := newStand(t)
			pools := []*process{
				startPool(t, pool{name: "unix", listen: s.run("php/fpm.sock"), children: 4, control: how.control}),
				startPool(t, pool{name: "tcp", listen: s.replaced["127.0.0.1:9000"], children: 4, control: how.control}),
			}
			l := newLoad(t, startSluiceConf(t, s.conf(t, "php-fpm")))
			for _, base := range []string{"/fpm/app.php", "/fpm-tcp/app.php"} {
				l.run(4, l.get(t, base))
				l.run(2, l.post(base))
			}
			began := time.Now()
			for n := range reloads {
				l.progress(t, 2)
				for _, p := range pools {
					awaitReady(t, p, n+1)
					p.signal(t, syscall.SIGUSR2)
				}
			}
			for _, p := range pools {
				awaitReady(t, p, reloads+1)
			}
			t.Logf("%d reloads took %v", reloads, time.Since(began).Round(time.Millisecond))
			lost := l.end(t)
			if how.control != "" && lost > 0 {
				t.Errorf("%d POSTs were lost, though php-fpm lets scripts finish", lost)
			}
		})
	}
}

// TestGatewayRestart ends two php-fpm that are not ours by SIGQUIT under load, and
// starts others in their place after a pause, as an upgrade does: clients wait, no
// GET fails and no POST runs twice.
func TestGatewayRestart(t *testing.T) {
	const restarts, pause = 3, 3 * time.Second
	s := newStand(t)
	pools := []pool{
		{name: "unix", listen: s.run("php/fpm.sock"), children: 4, control: "10s"},
		{name: "tcp", listen: s.replaced["127.0.0.1:9000"], children: 4, control: "10s"},
	}
	running := make([]*process, len(pools))
	for i, p := range pools {
		running[i] = startPool(t, p)
	}
	l := newLoad(t, startSluiceConf(t, s.conf(t, "php-fpm")))
	for _, base := range []string{"/fpm/app.php", "/fpm-tcp/app.php"} {
		l.run(4, l.get(t, base))
		l.run(2, l.post(base))
	}
	for range restarts {
		l.progress(t, 5)
		for _, p := range running {
			p.signal(t, syscall.SIGQUIT)
		}
		for _, p := range running {
			if _, ok := p.waitGone(30 * time.Second); !ok {
				t.Fatalf("%s does not end\n%s", p.name, p.tail(4096))
			}
		}
		time.Sleep(pause)
		for i, p := range pools {
			running[i] = startPool(t, p)
		}
	}
	l.progress(t, 5)
	l.end(t)
}

// TestGatewayReloadManaged: the php-fpm that sluice runs is reloaded by SIGHUP to
// sluice, and no request is lost, whatever its method.
func TestGatewayReloadManaged(t *testing.T) {
	const reloads = 20
	s := newStand(t)
	host := startSluiceConf(t, s.conf(t)+"[[site]]\nroot = \""+s.srv("php")+"\"\nphp = { manager = \"fpm\", workers = 4 }\n")
	l := newLoad(t, host)
	l.run(4, l.get(t, "/app.php"))
	l.run(2, l.post("/app.php"))
	done := func() int { return strings.Count(host.proc.output(), "were replaced by fresh ones") }
	for n := range reloads {
		l.progress(t, 2)
		host.proc.signal(t, syscall.SIGHUP)
		if !eventually(40*time.Second, func() bool { return done() > n }) {
			t.Fatalf("reload %d is not told of\n%s", n, host.proc.tail(4096))
		}
	}
	if lost := l.end(t); lost > 0 {
		t.Errorf("%d POSTs were lost", lost)
	}
}
