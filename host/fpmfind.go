package host

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"sluice/conf"
	"sluice/php"
)

// otherThanCGI looks for a php-fpm that runs, then for one to run, where there is
// no php-cgi.
func (r *phpRunner) otherThanCGI(s *conf.Site) bool {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	if a, err := php.FindFPM(ctx); err == nil {
		r.useFound(ctx, s, a)
		return true
	}
	if r.ownFPM(s) == nil {
		r.log.Info("no php-cgi found; running a php-fpm instead")
		return true
	}
	return false
}

// useFound decides about a php-fpm that runs: one that can't read the site would
// answer every script by "File not found".
func (r *phpRunner) useFound(ctx context.Context, s *conf.Site, a php.FPMAddress) {
	address := zap.String("address", a.String())
	script := someScript(s)
	reads, err := php.FPMReads(ctx, a.Network, a.Address, script)
	if !reads {
		if own := r.ownFPM(s); own == nil {
			r.log.Info("no php-cgi found, and the php-fpm that runs does not read the site; running one instead", address, zap.Error(err))
			return
		}
		r.bin, r.where, r.fpm, r.isolation = php.Binary{}, "", false, nil
	}
	r.external([]conf.Upstream{{Network: a.Network, Address: a.Address}})
	switch {
	case reads:
		r.log.Info("no php-cgi found; using the php-fpm that runs", address)
	case err != nil:
		r.log.Warn("no php-cgi found; using the php-fpm that runs, which did not tell whether it can read the site", address, zap.Error(err))
	default:
		r.log.Warn("scripts will not be found: no php-cgi is there, and the php-fpm that runs may not read the site; give its user r on the scripts and x on all folders above, or install php-cgi", address, zap.String("script", script))
	}
}

// someScript is a script of a site, or its folder where none is seen at once.
func someScript(s *conf.Site) string {
	names := append(slices.Clone(s.Index), s.FrontController)
	if entries, err := os.ReadDir(s.Root); err == nil {
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		path := filepath.Join(s.Root, filepath.FromSlash(name))
		if !endsInAny(path, s.PHP.Extensions) {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return s.Root
}
