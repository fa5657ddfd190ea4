package host

import (
	"net/netip"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"sluice/conf"
)

func TestWarnOfOneClient(t *testing.T) {
	tcp := func(address string) conf.Listen { return conf.Listen{Network: "tcp", Address: address} }
	unix := conf.Listen{Network: "unix", Address: "/run/s"}
	for _, tt := range []struct {
		name    string
		listen  []conf.Listen
		bound   int
		trusted bool
		unix    bool
		want    int
	}{
		{"a proxy that is not named", []conf.Listen{tcp("127.0.0.1:8080"), tcp("[::1]:1"), tcp("localhost:80"), unix}, 2, false, false, 1},
		{"one that is", []conf.Listen{tcp("127.0.0.1:8080")}, 2, true, false, 0},
		{"one by a socket", []conf.Listen{unix}, 2, false, true, 0},
		{"no bound", []conf.Listen{unix}, 0, false, false, 0},
		{"all addresses", []conf.Listen{tcp("127.0.0.1:1"), tcp(":8080")}, 2, false, false, 0},
		{"another address", []conf.Listen{tcp("192.0.2.1:80")}, 2, false, false, 0},
		{"a name", []conf.Listen{tcp("host.test:80")}, 2, false, false, 0},
	} {
		core, logs := observer.New(zap.WarnLevel)
		cfg := &conf.Config{Listen: tt.listen, TrustUnix: tt.unix, Sites: []conf.Site{{PHP: conf.PHP{ClientRequests: tt.bound}}, {}}}
		if tt.trusted {
			cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}
		warnOfOneClient(cfg, zap.New(core))
		if n := logs.Len(); n != tt.want {
			t.Errorf("%s: %d warnings, want %d: %v", tt.name, n, tt.want, logs.All())
		}
	}
}
