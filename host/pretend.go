package host

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"sluice/conf"
	"sluice/fcgi"
	"sluice/php"
	"sluice/spool"
	"sluice/static"
)

// Pretend makes the sites of a configuration without starting PHP, for who wants
// to know what would answer a request. php tells by label what would run the
// scripts. Each site is to be closed.
func Pretend(cfg *conf.Config) (sites []*Site, php map[string]string, err error) {
	store := &spool.Store{Dir: cfg.SpoolDir}
	compressor := static.NewCompressor(1)
	php = map[string]string{}
	states := stateFolders(cfg)
	for i := range cfg.Sites {
		s := &cfg.Sites[i]
		runner, note := pretendPHP(s)
		p, err := wireSite(s, states, store, compressor, runner, zap.NewNop())
		if err != nil {
			for _, p := range sites {
				p.Close()
			}
			return nil, nil, err
		}
		sites = append(sites, p)
		php[s.Label()] = note
	}
	return sites, php, nil
}

// pretendPHP finds a site's PHP, for wireSite, without starting it. The note
// says what it is; without a runner scripts are refused.
func pretendPHP(s *conf.Site) (r *phpRunner, note string) {
	r = &phpRunner{cfg: &s.PHP, pool: fcgi.NewPool(fcgi.Options{})}
	switch s.PHP.Mode {
	case conf.PHPOff:
		return nil, "off: scripts are refused"
	case conf.PHPUnix, conf.PHPTCP:
		return r, string(s.PHP.Mode) + ":" + s.PHP.Path
	case conf.PHPAuto:
		if s.App == conf.AppSPA {
			return nil, "off: such a site is all files"
		}
	case conf.PHPBinary:
	}
	where, err := foundPHP(s)
	if err != nil {
		return nil, "none: scripts would be refused (" + err.Error() + ")"
	}
	return r, where
}

// foundPHP looks for PHP in the order of newPHP.
func foundPHP(s *conf.Site) (where string, err error) {
	fpm := s.PHP.Manager == "fpm"
	var bin php.Binary
	if !fpm {
		bin, err = php.Find(s.PHP.Path)
		if errors.Is(err, php.ErrNoBinary) && s.PHP.Mode == conf.PHPAuto && s.App != conf.AppStatic {
			ctx, cancel := context.WithTimeout(context.Background(), probeTime)
			defer cancel()
			if a, none := php.FindFPM(ctx); none == nil {
				reads, _ := php.FPMReads(ctx, a.Network, a.Address, someScript(s)) // no answer is none
				if _, none := php.FindFPMBinary(""); reads || none != nil {
					return "php-fpm at " + a.String(), nil
				}
			}
			fpm = true
		}
	}
	if fpm {
		hint := ""
		if s.PHP.Mode == conf.PHPBinary {
			hint = s.PHP.Path
		}
		bin, err = php.FindFPMBinary(hint)
	}
	if err != nil {
		return "", err
	}
	return bin.Version + " (" + bin.Path + ")", nil
}
