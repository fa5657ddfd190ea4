//go:build linux

package main

import (
	"crypto/md5"
	"fmt"
	"slices"
	"strings"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// scenario is one kind of load.
type scenario struct {
	name    string
	title   string
	path    string
	conns   int
	php     bool
	backend backendKind
	post    []byte // the body of a POST; nil: GET
	want    []byte // the body of the answer
	streams bool   // throughput is told in MB/s as well
	goal    goal

	// plain is a path with the same answer that no .htaccess is about; "" where
	// path is none of .htaccess's either.
	plain  string
	ruled  bool        // path meets a .htaccess, or is compared with one that does
	fields [][2]string // of the request's head
	idle   bool        // connections that do nothing beside the load

	clients bool // no servers, but FastCGI clients of Go programs
}

// without is the same load without .htaccess.
func (s scenario) without() scenario {
	s.path, s.plain = s.plain, ""
	return s
}

// goal is what sluice shall reach; 0: nothing asked.
type goal struct {
	RPSMin    float64 `json:"rps_min,omitempty"`    // of nginx's requests per second
	CPUMax    float64 `json:"cpu_max,omitempty"`    // of nginx's CPU per request
	BareMin   float64 `json:"bare_min,omitempty"`   // of the bare FastCGI loop's requests per second
	ApacheMin float64 `json:"apache_min,omitempty"` // of Apache's requests per second
	CostMax   float64 `json:"cost_max,omitempty"`   // CPU that .htaccess adds to a request, µs
}

// scenarios are in the order in which they run.
func scenarios() []scenario {
	small, large := page(kib), pattern(mib)
	upload := pattern(mib)
	hello := []byte("hello from php\n")
	list := []scenario{
		{name: "hello", title: "hello.php", path: "/hello.php", conns: 32, php: true, want: hello, goal: goal{RPSMin: 1.25, CPUMax: 0.65, BareMin: 0.85}},
		{name: "static", title: "1 KiB file", path: "/small.html", conns: 32, want: small, goal: goal{CPUMax: 0.8}},
		{name: "large", title: "1 MiB file", path: "/large.bin", conns: 32, want: large, streams: true, goal: goal{RPSMin: 1}},
		{name: "phpout", title: "100 KiB from PHP", path: "/big.php", conns: 32, php: true, want: pattern(100 * kib), streams: true, goal: goal{RPSMin: 1}},
		{name: "post", title: "1 MiB POST to PHP", path: "/post.php", conns: 32, php: true, post: upload, want: fmt.Appendf(nil, "%d %x\n", len(upload), md5.Sum(upload)), goal: goal{RPSMin: 1}},
		{name: "static10k", title: "1 KiB file, 10,000 connections", path: "/small.html", conns: 10000, want: small, goal: goal{RPSMin: 1}},
		{name: "hello10k", title: "hello.php, 10,000 connections", path: "/hello.php", conns: 10000, php: true, want: hello, goal: goal{RPSMin: 1}},
	}
	list = append(list, ruledScenarios(small, hello)...)
	list = append(list, backendScenarios(hello)...)
	return append(list, scenario{name: "clients", title: "FastCGI clients in Go", clients: true},
		scenario{name: "idle", title: "1 KiB file beside idle connections", path: "/small.html", conns: 32, want: small, idle: true})
}

// backendScenarios are those before something that is not php-cgi.
func backendScenarios(hello []byte) []scenario {
	answer := []byte(appText)
	return []scenario{
		{name: "fpm", title: "hello.php through php-fpm", path: "/hello.php", conns: 32, php: true, backend: phpFPM, want: hello, goal: goal{RPSMin: 1.2}},
		{name: "mux", title: "Go FastCGI, at once", path: appFast, conns: 256, backend: goApp, want: answer, goal: goal{RPSMin: 1}},
		{name: "muxslow", title: "Go FastCGI, waits 5 ms, 10,000 connections", path: appSlow, conns: 10000, backend: goApp, want: answer, goal: goal{RPSMin: 2}},
		{name: "muxfew", title: "Go FastCGI, waits 5 ms, few backend connections", path: appSlow, conns: 256, backend: goFew, want: answer, goal: goal{RPSMin: 2}},
	}
}

// firstOf is the scenario by whose answer a server shows that it is ready.
func firstOf(kind backendKind) scenario {
	all := scenarios()
	return all[slices.IndexFunc(all, func(s scenario) bool { return s.backend == kind })]
}

// files are the document root.
func files() map[string]string {
	f := map[string]string{
		"hello.php":  "<?php echo \"hello from php\\n\";\n",
		"small.html": string(page(kib)),
		"large.bin":  string(pattern(mib)),
		// As pattern does; PHP's own work must stay small beside the transfer.
		"big.php":  fmt.Sprintf("<?php echo substr(str_repeat('%s', %d), 0, %d);\n", letters, 100*kib/len(letters)+1, 100*kib),
		"post.php": "<?php $b = file_get_contents('php://input'); echo strlen($b), ' ', md5($b), \"\\n\";\n",
	}
	for name, text := range ruledFiles(f["hello.php"], f["small.html"]) {
		f[name] = text
	}
	return f
}

const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// pattern repeats a text whose length is no power of two, so that a piece that
// is lost, doubled or misplaced shows.
func pattern(n int) []byte {
	return []byte(strings.Repeat(letters, n/len(letters)+1)[:n])
}

// page is an HTML page of n octets.
func page(n int) []byte {
	const head, tail = "<!doctype html><title>bench</title><p>", "</p>\n"
	return []byte(head + string(pattern(n-len(head)-len(tail))) + tail)
}
