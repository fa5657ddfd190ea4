// Package sim turns front, site, gateway and fcgi on loops whose sockets, clock
// and peers are made up here, so that one seed is one run, always the same:
// workers that die at any octet, clients that vanish, short reads and writes,
// and a clock that jumps. What must hold whatever happens is checked all along;
// see world_test.go. It holds tests only, runs on the test's goroutine, and may
// import everything below cmd.
//
// SEED=n go test ./sim -run TestSeed -v repeats one run with a trace.
package sim
