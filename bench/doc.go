// Bench measures sluice beside other servers on the same document root, with
// the same number of php workers each, under the same load (wrk):
//
//	go run ./bench -scenario hello,static -peers sluice,nginx -rounds 3 -seconds 3
//
// Runs alternate between the servers, and medians are compared, because the
// machine's speed drifts. The figure to trust is the server's own CPU time per
// request (all its processes, php excluded); requests per second depend on what
// wrk and php leave of the machine.
//
// Scenarios with a .htaccess run on sluice and Apache over the same files, each
// sample right after one of the same request without, so that what the rules
// cost can be told from the machine's drift. The scenario of idle connections
// starts this program again as a helper, once for each source address.
//
// A peer that cannot be had (Caddy, which comes from the Go module proxy, or
// io_uring) is left out loudly.
//
// A fast wrong answer fails: before the rounds a checked run compares every
// answer's body, during each round a probe compares some, and the number of
// octets wrk received must fit the number of answers.
//
// It runs on Linux, and knows only the built program.
package main
