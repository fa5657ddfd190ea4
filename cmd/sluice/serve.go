package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sluice/conf"
	"sluice/host"
)

// sameSignalTime is for how long after the first signal to stop another one is the
// same: timeout(1) and some supervisors signal their child and then its group.
const sameSignalTime = 500 * time.Millisecond

func serveCommand() *cobra.Command {
	var file string
	var flags conf.Overrides
	cmd := &cobra.Command{
		Use:   "serve [DIR]",
		Short: "Host the site in DIR (default: this folder), or the sites of a configuration file",
		Long: `Host the site in DIR, or the sites of a configuration file.

Without a configuration, sluice looks what DIR is (WordPress, Drupal, Laravel,
Symfony, phpMyAdmin, plain PHP, static files), finds php-cgi, starts workers and
serves it on port 8080.

SIGTERM and SIGINT finish the requests in flight and stop; SIGHUP replaces the
PHP workers by fresh ones; SIGUSR1 reopens the log files; SIGUSR2 writes to the
log what each PHP worker is at.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := refuseEmpty(cmd, args); err != nil {
				return err
			}
			if len(args) > 1 {
				return exitWith(exitUsage, fmt.Errorf("serve takes one folder, not %d", len(args)))
			}
			if file != "" && len(args) > 0 {
				return exitWith(exitUsage, errors.New("serve takes a folder or --config, not both: the file names the sites' folders"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := configuration(file, args, flags)
			if err != nil {
				return err
			}
			return serve(cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "configuration file (see docs/configuration.md)")
	f.StringArrayVar(&flags.Listen, "listen", nil, "address to listen on: host:port or unix:PATH; may be repeated")
	f.StringVar(&flags.PHP, "php", "", "auto, off, /path/to/php-cgi, unix:PATH or tcp:HOST:PORT of a FastCGI server")
	f.StringVar(&flags.Workers, "workers", "", "number of PHP workers, or auto")
	f.StringVar(&flags.Override, "allow-override", "", "All (default), None or classes of directives: what .htaccess files may say")
	f.StringArrayVar(&flags.ProxyTo, "proxy-to", nil, "host[:port], unix:/path or * that [P] of .htaccess may pass requests on to (can be repeated)")
	f.StringVar(&flags.HiddenFiles, "hidden-files", "", "refuse (default) or apache: which files are never served")
	f.StringVar(&flags.Engine, "engine", "", "auto, epoll, io_uring or portable")
	f.StringVar(&flags.AccessLog, "access-log", "", "off, - or FILE")
	f.StringVar(&flags.LogLevel, "log-level", "", "debug, info, warn or error")
	return cmd
}

func configuration(file string, args []string, flags conf.Overrides) (*conf.Config, error) {
	if file != "" {
		cfg, err := conf.Load(file, flags)
		if err != nil {
			return nil, exitWith(exitConfig, describeFaults(file, err))
		}
		return cfg, nil
	}
	dir := "."
	if len(args) > 0 {
		dir = args[0]
	}
	cfg, err := conf.FromDir(dir, flags)
	if err != nil {
		return nil, exitWith(exitConfig, describeFaults("the command line", err))
	}
	return cfg, nil
}

// serve runs until a signal ends it.
func serve(cfg *conf.Config) error {
	adoptOrphans()
	raiseDescriptors()
	tightenUmask()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	notifyMore(signals)
	h, err := host.Start(cfg, host.Options{})
	if err != nil {
		return err
	}
	h.Banner(os.Stdout, version)
	for {
		select {
		case err := <-h.Failed():
			return errors.Join(err, h.Stop(0))
		case sig := <-signals:
			switch {
			case isReopen(sig):
				h.ReopenLogs()
			case isStatus(sig):
				go h.LogWorkers()
			case isReload(sig):
				h.Log().Info("fresh php workers were asked for; a changed configuration is taken by a restart only")
				go h.RenewPHP(context.Background())
			default:
				h.Log().Info("stopping: requests in flight finish")
				go stopAtOnce(h, signals)
				return h.Stop(cfg.ShutdownTimeout)
			}
		}
	}
}

// stopAtOnce waits for a second signal to stop, which does not wait for requests.
func stopAtOnce(h *host.Host, signals <-chan os.Signal) {
	first := time.Now()
	for sig := range signals {
		if isReopen(sig) || isReload(sig) || isStatus(sig) || time.Since(first) < sameSignalTime {
			continue
		}
		h.Log().Warn("stopping at once")
		h.Kill()
		os.Exit(exitFailure)
	}
}
