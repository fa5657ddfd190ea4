package fcgi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"
)

// Resolver keeps a pool's servers at the addresses that their names have. A name
// with several addresses is as many servers, each with the name's settings.
// It runs in a goroutine of its own.
type Resolver struct {
	Pool *Pool
	// Servers are what was configured: "unix" as they are, "tcp" with a host name
	// or an address, and a port.
	Servers []Server
	// Every is the pause between look-ups; 0 is 30 seconds.
	Every time.Duration
	// Lookup finds a host's addresses; nil asks the system.
	Lookup func(ctx context.Context, host string) ([]string, error)
	// Failed hears of names that have no address at the moment; nil: nobody.
	// Servers found before go on being used.
	Failed func(s Server, err error)

	known map[Server][]Server
	told  []Server
}

// Resolve looks all names up once. The error, which joins those of all names
// that failed, does not keep the others from being used.
func (r *Resolver) Resolve(ctx context.Context) error {
	if r.known == nil {
		r.known = map[Server][]Server{}
	}
	var list []Server
	var errs []error
	for _, s := range r.Servers {
		found, err := r.expand(ctx, s)
		if err != nil {
			errs = append(errs, err)
			if r.Failed != nil {
				r.Failed(s, err)
			}
		} else {
			r.known[s] = found
		}
		list = append(list, r.known[s]...)
	}
	if !slices.Equal(list, r.told) {
		r.told = list
		r.Pool.SetServers(list)
	}
	return errors.Join(errs...)
}

// Run goes on resolving until ctx ends. Failures go to Failed.
func (r *Resolver) Run(ctx context.Context) {
	every := r.Every
	if every <= 0 {
		every = resolveTimeDefault
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			_ = r.Resolve(ctx) // Failed has heard of it
		}
	}
}

// Named tells whether there is a host name to look up.
func (r *Resolver) Named() bool {
	return slices.ContainsFunc(r.Servers, func(s Server) bool {
		host, _, err := net.SplitHostPort(s.Address)
		return s.Network == "tcp" && err == nil && net.ParseIP(host) == nil
	})
}

func (r *Resolver) expand(ctx context.Context, s Server) ([]Server, error) {
	if s.Network != "tcp" {
		return []Server{s}, nil
	}
	host, service, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, fmt.Errorf("fcgi: server %q: %w", s.Address, err)
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, fmt.Errorf("fcgi: server %q: %w", s.Address, err)
	}
	addrs := []string{host}
	if net.ParseIP(host) == nil {
		lookup := r.Lookup
		if lookup == nil {
			lookup = net.DefaultResolver.LookupHost
		}
		if addrs, err = lookup(ctx, host); err != nil {
			return nil, fmt.Errorf("fcgi: server %q: %w", s.Address, err)
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("fcgi: server %q: the name has no address", s.Address)
	}
	slices.Sort(addrs)
	addrs = slices.Compact(addrs)
	var list []Server
	for _, a := range addrs {
		one := s
		one.Address = net.JoinHostPort(a, strconv.Itoa(port))
		if s.Name != "" && len(addrs) > 1 {
			one.Name = s.Name + "/" + one.Address
		}
		list = append(list, one)
	}
	return list, nil
}
