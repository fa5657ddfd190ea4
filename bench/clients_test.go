//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"
)

const clientsOutput = `goos: linux
BenchmarkClients/go/sluice_gateway,_one_loop-2         	   40000	     25000 ns/op	        10.50 cpu-µs/request	     40000 requests/s	      12 B/op	       1 allocs/op
BenchmarkClients/go/gofast,_8_kept_clients-2           	    3000	    250000 ns/op	       250.0 cpu-µs/request	      4000 requests/s	   12345 B/op	      85 allocs/op
BenchmarkClients/go/gofast,_a_connection_each-2        	    3000	    250000 ns/op	       200.0 cpu-µs/request	      5000 requests/s	   12345 B/op	     105 allocs/op
PASS
`

func TestParseClients(t *testing.T) {
	list, err := parseClients(clientsOutput)
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	if c := list[0]; c.Backend != "go" || c.Client != "sluice gateway, one loop" || c.RPS != 40000 || c.CPU != 10.5 || c.Allocs != 1 {
		t.Errorf("first: %+v", c)
	}
	for name, bad := range map[string]string{
		"nothing": "PASS\n",
		"a value": strings.Replace(clientsOutput, "40000 requests/s", "many requests/s", 1),
		"no CPU":  strings.Replace(clientsOutput, "cpu-µs/request", "x", 1),
		"no name": "BenchmarkClients/go-2 1 2 ns/op 3 requests/s 4 cpu-µs/request\n",
	} {
		if list, err := parseClients(bad); err == nil {
			t.Errorf("%s: %+v and no error", name, list)
		}
	}
}

func TestMiddleClients(t *testing.T) {
	var rounds [][]clientResult
	for _, rps := range []float64{1000, 3000, 2000} {
		rounds = append(rounds, []clientResult{{Backend: "go", Client: "c", RPS: rps, CPU: rps / 100, Allocs: 7}})
	}
	list, err := middleClients(rounds)
	if err != nil || len(list) != 1 || list[0].RPS != 2000 || list[0].CPU != 20 || list[0].Allocs != 7 {
		t.Fatalf("%+v, %v", list, err)
	}
	if got := list[0].Rounds; len(got) != 3 || got[1] != 3000 {
		t.Errorf("rounds %v, want them in their order", got)
	}
	rounds[1][0].Client = "d"
	if _, err := middleClients(rounds); err == nil {
		t.Error("another client: no error")
	}
}

func TestClientsTable(t *testing.T) {
	list, err := parseClients(clientsOutput)
	if err != nil {
		t.Fatal(err)
	}
	r := &report{Clients: list}
	var b bytes.Buffer
	if err := r.printClients(&b); err != nil {
		t.Fatal(err)
	}
	// Beside the better of gofast's two.
	for _, want := range []string{"8.00", "0.05", "0.80", "1.25"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
	if err := r.verdict(true); err != nil {
		t.Errorf("all met: %v", err)
	}
	r.Clients[0].RPS = 4999
	if err := r.verdict(true); err == nil || !strings.Contains(err.Error(), "go, sluice gateway, one loop: req/s >= gofast") {
		t.Errorf("slower than gofast: %v", err)
	}
	if err := r.verdict(false); err != nil {
		t.Errorf("not strict: %v", err)
	}
}
