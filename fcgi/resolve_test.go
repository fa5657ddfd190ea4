package fcgi

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestResolver(t *testing.T) {
	answers := map[string][]string{"php.test": {"192.0.2.2", "192.0.2.1", "192.0.2.2"}}
	var failed []string
	p := NewPool(Options{})
	r := &Resolver{
		Pool: p,
		Servers: []Server{
			{Network: "tcp", Address: "php.test:9000", Conns: 3, Name: "php"},
			{Network: "tcp", Address: "one.test:9001", Conns: 1, Name: "one"},
			{Network: "tcp", Address: "[2001:db8::1]:9002", Conns: 1},
			{Network: "unix", Address: "/run/php.sock", Conns: 2},
		},
		Lookup: func(_ context.Context, host string) ([]string, error) {
			if a := answers[host]; a != nil {
				return slices.Clone(a), nil
			}
			return nil, &net.DNSError{Name: host, IsNotFound: true}
		},
		Failed: func(s Server, _ error) { failed = append(failed, s.Name) },
	}
	keys := func() (list []string) {
		for _, st := range p.States() {
			list = append(list, st.Server.Key()+" at "+st.Server.Address)
		}
		return list
	}
	check := func(what string, err, fails bool, want ...string) {
		t.Helper()
		if got := keys(); !slices.Equal(got, want) || err != fails {
			t.Errorf("%s: error %v, %q", what, err, got)
		}
	}
	rest := []string{"tcp:[2001:db8::1]:9002 at [2001:db8::1]:9002", "unix:/run/php.sock at /run/php.sock"}
	two := []string{"php/192.0.2.1:9000 at 192.0.2.1:9000", "php/192.0.2.2:9000 at 192.0.2.2:9000"}
	err := r.Resolve(t.Context())
	check("one name unknown", err != nil, true, append(slices.Clone(two), rest...)...)
	if !strings.Contains(err.Error(), "one.test") || !slices.Equal(failed, []string{"one"}) {
		t.Errorf("error %v, failed %q", err, failed)
	}
	answers["one.test"] = []string{"192.0.2.9"}
	check("both known", r.Resolve(t.Context()) != nil, false, append(append(slices.Clone(two), "one at 192.0.2.9:9001"), rest...)...)
	before := p.roster.Load()
	delete(answers, "php.test") // its addresses go on being used
	check("one unknown again", r.Resolve(t.Context()) != nil, true, append(append(slices.Clone(two), "one at 192.0.2.9:9001"), rest...)...)
	if p.roster.Load() != before {
		t.Error("SetServers was called though nothing had changed")
	}
	if !r.Named() || (&Resolver{Servers: r.Servers[2:]}).Named() {
		t.Error("Named")
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.Every = time.Millisecond
	answers["php.test"] = []string{"192.0.2.1"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	eventually(t, "Run finds the change", func() bool { return len(p.States()) == 4 })
	cancel()
	<-done
}
