package host

import (
	"go.uber.org/zap"

	"sluice/cgid"
	"sluice/conf"
	"sluice/fcgi"
	"sluice/gateway"
	"sluice/php"
	"sluice/site"
	"sluice/spool"
)

// mayRunCGI says why a site's CGI programs can't run as who they should. It is
// asked before a start; Pretend runs none.
func mayRunCGI(s *conf.Site) error {
	if !s.CGI.Enabled() {
		return nil
	}
	if _, err := whoRuns(s); err != nil {
		return at(StageConfig, err)
	}
	return nil
}

// startCGI starts the server that runs a site's CGI programs.
func (p *Site) startCGI(opts *site.Options, store *spool.Store) error {
	who, _ := whoRuns(p.cfg)                                           // see mayRunCGI
	if who.warning != "" && (p.php == nil || p.php.isolation == nil) { // else it was said
		p.log.Warn(who.warning)
	}
	never := php.Installed()
	if p.php != nil && p.php.bin.Path != "" {
		never = append(never, p.php.bin.Path)
	}
	server, err := cgid.Start(cgid.Options{
		Account: programAccount(who.account), PHP: never,
		Concurrency: p.cfg.CGI.Concurrency, Timeout: p.cfg.CGI.RunTime, OutputBytesMax: p.cfg.CGI.OutputMax,
		Log: func(script string, err error) { p.log.Warn("cgi", zap.String("script", script), zap.Error(err)) },
	})
	if err != nil {
		return err
	}
	p.cgi = server
	pool := fcgi.NewPool(fcgi.Options{
		Servers: []fcgi.Server{{Network: "unix", Address: server.Address(), Conns: server.Concurrency()}},
		Queue:   p.cfg.PHP.Queue, QueueTime: p.cfg.PHP.QueueTime,
	})
	opts.CGI = &gateway.Options{Pool: pool, Store: store, RequestTime: p.cfg.CGI.RunTime + p.cfg.CGI.RunTime/10, Log: site.Log{}, Params: params(p.cfg)}
	opts.CGIExtensions, opts.CGIFolders = p.cfg.CGI.Extensions, p.cfg.CGI.Folders
	return nil
}

func programAccount(a *php.Account) *cgid.Account {
	if a == nil {
		return nil
	}
	return &cgid.Account{UID: a.UID, GID: a.GID, Groups: a.Groups}
}

// Close ends what runs beside the site and is no PHP.
func (p *Site) Close() {
	for _, u := range p.programs {
		u.close()
	}
	p.closeProxy()
	if p.cgi == nil {
		return
	}
	if err := p.cgi.Close(); err != nil {
		p.log.Warn("stopping CGI programs", zap.Error(err))
	}
}
