package php

import (
	"math"
	"strings"
	"testing"
	"time"
)

const statusHead = `{"pool":"www","process manager":"static","start time":1795229669,"start since":3,"accepted conn":5,"listen queue":1,"max listen queue":2,` +
	`"listen queue len":511,"idle processes":1,"active processes":2,"total processes":3,"max active processes":4,"max children reached":6,"slow requests":7`

const statusIdle = `{"pid":22115,"state":"Idle","start time":1795229669,"start since":3,"requests":2,"request duration":414,"request method":"-","request uri":"-","content length":0,"user":"-","script":"-","last request cpu":12.50,"last request memory":2097152}`

// statusBusy has what requests can put there.
func statusBusy(user string) string {
	return `{"pid":22114,"state":"Running","start time":1795229669,"start since":3,"requests":1,"request duration":1802417,"request method":"GET","request uri":"\/x.php?s=1\"","content length":0,"user":"` +
		user + `","script":"/srv/x.php","last request cpu":0.00,"last request memory":0}`
}

func TestParseFPMStatus(t *testing.T) {
	page := statusHead + `, "processes":[` + statusBusy("-") + `,{"pid":0,"state":"(null)","request duration":13459751292},` + statusIdle + "]}"
	s, err := ParseFPMStatus([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Unix(1795229669, 0)
	if s.Pool != "www" || s.Manager != "static" || !s.Started.Equal(began) || s.Accepted != 5 || s.ListenQueue != 1 || s.ListenQueueMax != 2 ||
		s.ListenQueueSize != 511 || s.Idle != 1 || s.Active != 2 || s.Total != 3 || s.MaxReached != 6 || s.Slow != 7 || len(s.Processes) != 2 {
		t.Errorf("status %+v", s)
	}
	busy := FPMProcess{PID: 22114, State: "Running", Started: began, Requests: 1, Duration: 1802417 * time.Microsecond, Method: "GET", URI: `/x.php?s=1"`, Script: "/srv/x.php"}
	idle := FPMProcess{PID: 22115, State: "Idle", Started: began, Requests: 2, Duration: 414 * time.Microsecond, Method: "-", URI: "-", Script: "-", CPU: 12.5, Memory: 2 << 20}
	if s.Processes[0] != busy || s.Processes[1] != idle {
		t.Errorf("processes %+v", s.Processes)
	}
	if short, err := ParseFPMStatus([]byte(statusHead + "}")); err != nil || short.Total != 3 || short.Processes != nil {
		t.Errorf("without processes: %+v, %v", short, err)
	}
}

// Requests can break the list, and nothing else.
func TestParseFPMStatusSurvivesRequests(t *testing.T) {
	for _, user := range []string{`a"b`, "a\nb", "\xff", `\`, `","processes":[{"pid":1},"x":"`, `"}]}`, `nan`} {
		s, err := ParseFPMStatus([]byte(statusHead + `,"processes":[` + statusBusy(user) + "," + statusIdle + "]}"))
		if err != nil || s.Total != 3 {
			t.Errorf("user %q: %+v, %v", user, s, err)
			continue
		}
		first, last := s.Processes[0], s.Processes[len(s.Processes)-1]
		if first.PID != 22114 || first.State != "Running" || first.Duration != 1802417*time.Microsecond || last.PID != 22115 {
			t.Errorf("user %q: processes %+v", user, s.Processes)
		}
		if n, exact := s.Children(); n > 3 || !exact {
			t.Errorf("user %q: Children() = %d, %t", user, n, exact)
		}
	}
}

func TestParseFPMStatusOddNumbers(t *testing.T) {
	s, err := ParseFPMStatus([]byte(`{"process manager":"ondemand","accepted conn":1e30,"listen queue":-1,"total processes":0,"start time":-5,"processes":[` +
		`{"pid":5,"request duration":18446744073709551615,"start time":18446744073709551615}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Accepted != math.MaxInt64 || s.ListenQueue != 0 || !s.Started.IsZero() {
		t.Errorf("status %+v", s)
	}
	if len(s.Processes) != 1 || s.Processes[0].Duration <= 0 || !s.Processes[0].Started.IsZero() {
		t.Errorf("processes %+v", s.Processes)
	}
	if n, exact := s.Children(); n != 1 || exact {
		t.Errorf("Children() = %d, %t", n, exact)
	}
}

func TestParseFPMStatusRefuses(t *testing.T) {
	for _, body := range []string{"", "pong", "{}", `{"pool":"www"}`, "<html>", `{"processes":[]}`, `{"process manager":7}`, "File not found.\n"} {
		if s, err := ParseFPMStatus([]byte(body)); err == nil || !strings.HasPrefix(err.Error(), "php: not a php-fpm status page") {
			t.Errorf("ParseFPMStatus(%q) = %+v, %v", body, s, err)
		}
	}
}

func TestChildren(t *testing.T) {
	tests := []struct {
		s     FPMStatus
		want  int
		exact bool
	}{
		{FPMStatus{Manager: "static", Total: 5}, 5, true},
		{FPMStatus{Manager: "static", Total: 5, Processes: make([]FPMProcess, 3)}, 3, true},
		{FPMStatus{Manager: "static", Total: 3, Processes: make([]FPMProcess, 5)}, 3, true},
		{FPMStatus{Manager: "static"}, 1, false},
		{FPMStatus{Manager: "dynamic", Total: 2}, 2, false},
		{FPMStatus{Manager: "ondemand"}, 1, false},
	}
	for _, tt := range tests {
		if n, exact := tt.s.Children(); n != tt.want || exact != tt.exact {
			t.Errorf("%+v.Children() = %d, %t; want %d, %t", tt.s, n, exact, tt.want, tt.exact)
		}
	}
}

func TestSplitAnswer(t *testing.T) {
	tests := []struct{ in, status, body string }{
		{"Content-type: text/plain\r\n\r\npong", "", "pong"},
		{"X: y\r\nstatus:  404 Not Found\r\n\r\nFile not found.\n", "404 Not Found", "File not found.\n"},
		{"no head", "", "no head"},
		{"", "", ""},
	}
	for _, tt := range tests {
		if status, body := splitAnswer([]byte(tt.in)); status != tt.status || string(body) != tt.body {
			t.Errorf("splitAnswer(%q) = %q, %q", tt.in, status, body)
		}
	}
}

func FuzzParseFPMStatus(f *testing.F) {
	f.Add([]byte(statusHead + `,"processes":[` + statusBusy("-") + "," + statusIdle + "]}"))
	f.Add([]byte(statusHead + `,"processes":[` + statusBusy(`"`) + "," + statusIdle + "]}"))
	f.Add([]byte(statusHead + "}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		before := string(body)
		s, err := ParseFPMStatus(body)
		if string(body) != before {
			t.Fatal("the input was changed")
		}
		if err != nil {
			return
		}
		if n, _ := s.Children(); n < 1 || s.Manager == "" || s.Total < 0 || len(s.Processes) > statusProcessesMax {
			t.Fatalf("%+v", s)
		}
		for _, p := range s.Processes {
			if p.PID < 0 || p.Duration < 0 || p.Memory < 0 || p.Requests < 0 {
				t.Fatalf("%+v", p)
			}
		}
	})
}
