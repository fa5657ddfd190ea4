package host

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"

	"sluice/conf"
	"sluice/fcgi"
)

// TestLookAtFPM: what a php-fpm says of itself decides how many connections it is
// given, and how it fares among others.
func TestLookAtFPM(t *testing.T) {
	page := func(manager string, idle, active int) string {
		return fmt.Sprintf(`{"pool":"www","process manager":%q,"start time":1,"accepted conn":9,"listen queue":0,"idle processes":%d,"active processes":%d,"total processes":%d}`, manager, idle, active, idle+active)
	}
	answer := ""
	address := program(t, func(_ fcgi.Role, env map[string]string, _, _ string) string {
		if env["SCRIPT_NAME"] != "/status" {
			return "Status: 404\r\n\r\nFile not found.\n"
		}
		return "Content-Type: application/json\r\n\r\n" + answer
	})
	for _, tt := range []struct {
		name, answer          string
		workers, conns, other int
	}{
		{"static", page("static", 6, 4), 0, 9, 3},
		{"dynamic, few at the moment", page("dynamic", 1, 1), 0, externalConnsDefault, 0},
		{"dynamic, many", page("dynamic", 0, 12), 0, 11, 11},
		{"the configuration says", page("static", 6, 4), 3, 3, 3},
		{"no status page", "nothing", 0, externalConnsDefault, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer = tt.answer
			r := &phpRunner{cfg: &conf.PHP{StatusPath: "/status", Workers: tt.workers}, log: zap.NewNop()}
			r.external([]conf.Upstream{{Network: "unix", Address: strings.TrimPrefix(address, "unix:")}})
			if err := r.upstreams.start(context.Background()); err != nil {
				t.Fatal(err)
			}
			defer r.stop(0)
			r.lookAtFPM(r.pool.States()[0])
			if st := r.pool.States()[0]; st.Server.Conns != tt.conns || st.Others != tt.other {
				t.Errorf("%d connections, %d requests of others; want %d and %d", st.Server.Conns, st.Others, tt.conns, tt.other)
			}
		})
	}
}
