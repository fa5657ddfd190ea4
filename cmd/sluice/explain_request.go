package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"sluice/conf"
	"sluice/message"
)

// question is the request that is to be explained.
type question struct {
	method string
	target string // path and query as they are sent
	host   string // with its port; "" until complete
	https  bool
	fields []string // "Name: value", without Host
	client netip.Addr
	server netip.AddrPort
}

// question reads the command line: [METHOD] URL [DIR].
func (f *explainFlags) question(args []string) (q *question, dir []string, err error) {
	q = &question{method: "GET"}
	if len(args) > 1 && !looksLikeURL(args[0]) {
		q.method, args = args[0], args[1:]
		if strings.Trim(strings.ToUpper(q.method), "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			return nil, nil, exitWith(exitUsage, fmt.Errorf("%q is neither a method nor a URL, which begins with / or http://", q.method))
		}
	}
	if len(args) > 2 {
		return nil, nil, exitWith(exitUsage, fmt.Errorf("explain takes a method, a URL and a folder, not %q as well", args[2]))
	}
	if err := q.url(args[0]); err != nil {
		return nil, nil, exitWith(exitUsage, err)
	}
	for _, h := range f.headers {
		if err := q.header(h); err != nil {
			return nil, nil, exitWith(exitUsage, err)
		}
	}
	if q.client, err = netip.ParseAddr(f.client); err != nil {
		return nil, nil, exitWith(exitUsage, fmt.Errorf("--client %q is no IP address", f.client))
	}
	return q, args[1:], nil
}

func looksLikeURL(s string) bool {
	return strings.HasPrefix(s, "/") || strings.Contains(s, "://") || s == "*"
}

// url takes a path or a whole URL. What is sent is what stands there, octet for
// octet; a fragment never leaves the browser.
func (q *question) url(s string) error {
	rest := s
	if scheme, after, ok := strings.Cut(s, "://"); ok && !strings.HasPrefix(s, "/") {
		switch strings.ToLower(scheme) {
		case "http":
		case "https":
			q.https = true
		default:
			return fmt.Errorf("URL %q: scheme %q is neither http nor https", s, scheme)
		}
		end := strings.IndexAny(after, "/?#")
		if end < 0 {
			end = len(after)
		}
		q.host, rest = after[:end], after[end:]
		if q.host == "" || strings.ContainsAny(q.host, "@ \t") {
			return fmt.Errorf("URL %q: %q is no host", s, q.host)
		}
		if !strings.HasPrefix(rest, "/") {
			rest = "/" + rest
		}
	} else if !looksLikeURL(s) {
		return fmt.Errorf("URL %q: give a path that begins with /, or http://host/path", s)
	}
	rest, _, _ = strings.Cut(rest, "#")
	for _, c := range []byte(rest) {
		if c <= ' ' || c == 0x7f {
			return fmt.Errorf("URL %q has a character that must be written as %%%02X", s, c)
		}
	}
	q.target = rest
	return nil
}

// header takes a "Name: value".
func (q *question) header(h string) error {
	name, value, ok := strings.Cut(h, ":")
	if !ok || !message.IsToken([]byte(name)) {
		return fmt.Errorf("-H %q: give 'Name: value'", h)
	}
	value = strings.Trim(value, " \t")
	if strings.ContainsAny(value, "\r\n\x00") {
		return fmt.Errorf("-H %q: a value is one line", h)
	}
	if strings.EqualFold(name, "Host") {
		q.host = value
		return nil
	}
	q.fields = append(q.fields, name+": "+value)
	return nil
}

// complete gives the request the host and the address that it would come to.
func (q *question) complete(cfg *conf.Config) error {
	port := listenPort(cfg)
	if q.host == "" {
		q.host = "localhost"
		if names := cfg.Sites[0].Names; len(names) > 0 && !strings.HasPrefix(names[0], "*") {
			q.host = names[0]
		}
		if port != 80 {
			q.host += ":" + strconv.Itoa(int(port))
		}
	}
	if q.https {
		port = 443
	}
	q.server = netip.AddrPortFrom(loopback, port)
	if q.method == "CONNECT" {
		return exitWith(exitUsage, errors.New("CONNECT has no URL to explain"))
	}
	return nil
}

// listenPort is the first port that is listened on.
func listenPort(cfg *conf.Config) uint16 {
	for _, l := range cfg.Listen {
		if l.Network != "tcp" {
			continue
		}
		if n, err := strconv.ParseUint(l.Address[strings.LastIndexByte(l.Address, ':')+1:], 10, 16); err == nil && n > 0 {
			return uint16(n)
		}
	}
	return 80
}

// head is what the client sends.
func (q *question) head() []byte {
	b := []byte(q.method + " " + q.target + " HTTP/1.1\r\nHost: " + q.host + "\r\n")
	for _, f := range q.fields {
		b = append(append(b, f...), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// url is the whole URL.
func (q *question) String() string {
	scheme := "http"
	if q.https {
		scheme = "https"
	}
	return scheme + "://" + q.host + q.target
}
