package php

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// FPMStatus is what a php-fpm pool says of itself.
type FPMStatus struct {
	Pool            string
	Manager         string // "static", "dynamic" or "ondemand"
	Started         time.Time
	Accepted        int64 // connections since the start
	ListenQueue     int   // connections that wait; always 0 on Unix sockets
	ListenQueueMax  int   // the most there have been
	ListenQueueSize int   // how many there may be
	// Workers without a connection, with one, be it kept and silent, and in all.
	// php-fpm counts them once a second, and roughly in between.
	Idle, Active, Total int
	MaxReached          int64 // how often all that may run did; always 0 for "static"
	Slow                int64 // requests that were traced
	Processes           []FPMProcess
}

// FPMProcess is one worker and its current or last request. php-fpm writes the
// method, user and script as it got them, unescaped: who sends requests can make
// entries up. They are for people to look at.
type FPMProcess struct {
	PID      int
	State    string // "Idle", "Running", "Reading headers", …
	Started  time.Time
	Requests int64
	Duration time.Duration // of the request
	Method   string
	URI      string
	Script   string
	CPU      float64 // percent, of the last request; 0 while one runs
	Memory   int64   // most bytes of the last request; 0 while one runs
}

// Children returns how many connections the pool serves at a time, at least 1,
// and whether that is certain. A "static" pool has all its workers at all times.
// For the others it is the number of workers at this moment: the most that there
// may be (pm.max_children) is told nowhere, not by FCGI_GET_VALUES either; asked
// again under load it is higher.
//
// It is the lesser of two counts: Total runs ahead for up to a second, and
// entries of Processes may be made up.
func (s FPMStatus) Children() (n int, exact bool) {
	n = s.Total
	if len(s.Processes) > 0 {
		n = min(n, len(s.Processes))
	}
	return max(n, 1), s.Manager == "static" && n > 0
}

// ErrStatus is wrapped by errors of who answers, and with something else.
var ErrStatus = errors.New("not a php-fpm status page")

// ParseFPMStatus reads the body of a status page asked for with "json&full" or
// "json". What is wrong with the list of workers is passed over: requests can
// break it (see FPMProcess).
func ParseFPMStatus(body []byte) (FPMStatus, error) {
	head, list, full := bytes.Cut(body, []byte(`"processes":[`))
	if full {
		head = append(bytes.TrimRight(bytes.Clone(head), ", \t\r\n"), '}')
	}
	var page fpmPage
	if err := json.Unmarshal(head, &page); err != nil {
		return FPMStatus{}, fmt.Errorf("php: %w: %w: %.100q", ErrStatus, err, body)
	}
	if page.Manager == "" {
		return FPMStatus{}, fmt.Errorf("php: %w: no process manager: %.100q", ErrStatus, body)
	}
	s := page.status()
	for _, p := range parseProcesses(list, statusProcessesMax) {
		s.Processes = append(s.Processes, p.process())
	}
	return s, nil
}

// fpmPage has the names of php-fpm's page.
type fpmPage struct {
	Pool            string `json:"pool"`
	Manager         string `json:"process manager"`
	Started         number `json:"start time"`
	Accepted        number `json:"accepted conn"`
	ListenQueue     number `json:"listen queue"`
	ListenQueueMax  number `json:"max listen queue"`
	ListenQueueSize number `json:"listen queue len"`
	Idle            number `json:"idle processes"`
	Active          number `json:"active processes"`
	Total           number `json:"total processes"`
	MaxReached      number `json:"max children reached"`
	Slow            number `json:"slow requests"`
}

func (p fpmPage) status() FPMStatus {
	return FPMStatus{
		Pool: p.Pool, Manager: p.Manager, Started: p.Started.time(), Accepted: int64(p.Accepted),
		ListenQueue: p.ListenQueue.int(), ListenQueueMax: p.ListenQueueMax.int(), ListenQueueSize: p.ListenQueueSize.int(),
		Idle: p.Idle.int(), Active: p.Active.int(), Total: p.Total.int(),
		MaxReached: int64(p.MaxReached), Slow: int64(p.Slow),
	}
}

type fpmPageProcess struct {
	PID      number  `json:"pid"`
	State    string  `json:"state"`
	Started  number  `json:"start time"`
	Requests number  `json:"requests"`
	Duration number  `json:"request duration"` // microseconds
	Method   string  `json:"request method"`
	URI      string  `json:"request uri"`
	Script   string  `json:"script"`
	CPU      float64 `json:"last request cpu"`
	Memory   number  `json:"last request memory"`
}

func (p fpmPageProcess) process() FPMProcess {
	micros := min(int64(p.Duration), math.MaxInt64/int64(time.Microsecond))
	return FPMProcess{
		PID: p.PID.int(), State: p.State, Started: p.Started.time(), Requests: int64(p.Requests),
		Duration: time.Duration(micros) * time.Microsecond, Method: p.Method, URI: p.URI, Script: p.Script,
		CPU: p.CPU, Memory: int64(p.Memory),
	}
}

// parseProcesses reads the list after its bracket. Of an entry that is not JSON it
// takes what comes before the first field that requests can break.
func parseProcesses(list []byte, limit int) []fpmPageProcess {
	var all []fpmPageProcess
	begin := []byte(`{"pid":`)
	_, list, _ = bytes.Cut(list, begin)
	for len(list) > 0 && len(all) < limit {
		var entry []byte
		entry, list, _ = bytes.Cut(list, begin)
		entry = append(bytes.Clone(begin), bytes.TrimRight(entry, "]}, \t\r\n")...)
		var p fpmPageProcess
		if json.Unmarshal(append(entry, '}'), &p) != nil {
			p = fpmPageProcess{}
			sound, _, _ := bytes.Cut(entry, []byte(`,"request method"`))
			if json.Unmarshal(append(bytes.Clone(sound), '}'), &p) != nil {
				continue
			}
		}
		if p.PID > 0 { // else it is being started
			all = append(all, p)
		}
	}
	return all
}

// number is a count of php-fpm: never negative, and never too large for us.
type number int64

func (n *number) UnmarshalJSON(b []byte) error {
	var v float64
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	switch {
	case v <= 0:
		*n = 0
	case v >= math.MaxInt64:
		*n = math.MaxInt64
	default:
		*n = number(v)
	}
	return nil
}

func (n number) int() int { return int(min(n, math.MaxInt32)) }

func (n number) time() time.Time {
	if n == 0 || n > math.MaxInt32*4 {
		return time.Time{}
	}
	return time.Unix(int64(n), 0)
}
