package php

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// FPMAddress is where a php-fpm that is not ours listens.
type FPMAddress struct {
	Network string // "unix" or "tcp"
	Address string // path of the socket or host:port
}

func (a FPMAddress) String() string { return a.Network + ":" + a.Address }

// ErrNoFPM is wrapped by FindFPM's error: none runs, or none that we may use. The
// error says what was looked at, and why it was not taken.
var ErrNoFPM = errors.New("no running php-fpm found")

// FindFPM finds a php-fpm that runs on this machine: the sockets in the usual
// folders of distributions, newer versions of PHP first, then (Linux) any
// listening Unix socket with "php" and "fpm" in its path, then 127.0.0.1:9000.
//
// It takes the first that belongs to root or to ourselves and answers
// FCGI_GET_VALUES within two seconds, so that no other user can pose as php-fpm.
// A pool with all its workers busy for that long is passed over. That its workers
// can read the site is for the caller to find out, by FPMReads.
func FindFPM(ctx context.Context) (FPMAddress, error) {
	s := fpmSearch{glob: filepath.Glob, resolve: filepath.EvalSymlinks, listening: listeningSockets, trusted: trustedListener, answers: answersFastCGI}
	return s.find(ctx)
}

// fpmPlaces are where distributions put the sockets: Debian, Fedora and Alpine,
// Remi's packages, and macOS.
var fpmPlaces = []string{
	"/run/php/*fpm*.sock", "/run/php-fpm/*.sock", "/run/php-fpm*/*.sock", "/run/php*fpm*.sock", "/var/run/php-fpm/*.sock",
	"/var/opt/remi/php*/run/php-fpm/*.sock", "/opt/homebrew/var/run/php*fpm*.sock", "/usr/local/var/run/php*fpm*.sock",
}

const fpmPort = 9000

// fpmSearch has what FindFPM asks the system, so that tests can answer.
type fpmSearch struct {
	glob      func(string) ([]string, error)
	resolve   func(string) (string, error)
	listening func() []string        // paths of listening Unix sockets
	trusted   func(FPMAddress) error // nil if root or we listen there
	answers   func(ctx context.Context, network, address string) error
}

func (s fpmSearch) find(ctx context.Context) (FPMAddress, error) {
	var faults []error
	for _, a := range s.candidates() {
		err := s.trusted(a)
		if err == nil {
			err = s.ask(ctx, a)
		}
		if err == nil {
			return a, nil
		}
		if ctx.Err() != nil {
			return FPMAddress{}, fmt.Errorf("php: %w: %w", ErrNoFPM, ctx.Err())
		}
		faults = append(faults, fmt.Errorf("%s: %w", a, err))
	}
	return FPMAddress{}, fmt.Errorf("php: %w: %w", ErrNoFPM, errors.Join(faults...))
}

func (s fpmSearch) ask(ctx context.Context, a FPMAddress) error {
	ctx, cancel := context.WithTimeout(ctx, findLimit)
	defer cancel()
	return s.answers(ctx, a.Network, a.Address)
}

// candidates lists addresses, best first, each socket under one name.
func (s fpmSearch) candidates() []FPMAddress {
	var list []FPMAddress
	seen := map[string]bool{}
	add := func(paths []string) {
		slices.SortFunc(paths, newerFirst)
		for _, path := range paths {
			real := path
			if r, err := s.resolve(path); err == nil {
				real = r // /run/php/php-fpm.sock is a link to the default version's
			}
			if !seen[real] && !strings.Contains(real, folderPrefix) {
				seen[real] = true
				list = append(list, FPMAddress{"unix", path})
			}
		}
	}
	var usual []string
	for _, pattern := range fpmPlaces {
		if matches, err := s.glob(pattern); err == nil { // the patterns are constants
			usual = append(usual, matches...)
		}
	}
	add(usual)
	var other []string
	for _, path := range s.listening() {
		if lower := strings.ToLower(path); filepath.IsAbs(path) && strings.Contains(lower, "php") && strings.Contains(lower, "fpm") {
			other = append(other, path)
		}
	}
	add(other)
	return append(list, FPMAddress{"tcp", "127.0.0.1:" + strconv.Itoa(fpmPort)})
}

// newerFirst puts names without a version, which are the administrator's choice,
// before those with one, and newer before older.
func newerFirst(a, b string) int {
	va, vb := pathVersion(a), pathVersion(b)
	if (va == 0) != (vb == 0) {
		return cmp.Compare(va, vb)
	}
	return cmp.Or(cmp.Compare(vb, va), cmp.Compare(a, b))
}

// pathVersion reads the version after "php" in a socket's path: 8002 of
// "php8.2-fpm.sock" and of "php82"; 0 if there is none.
func pathVersion(path string) int {
	for rest := path; ; {
		_, after, ok := strings.Cut(rest, "php")
		if !ok {
			return 0
		}
		rest = after
		if len(after) == 0 || after[0] < '1' || after[0] > '9' {
			continue
		}
		minor := strings.TrimPrefix(after[1:], ".")
		end := 0
		for end < len(minor) && end < 2 && minor[end] >= '0' && minor[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(minor[:end])
		if err != nil {
			n = 0
		}
		return int(after[0]-'0')*1000 + n
	}
}
