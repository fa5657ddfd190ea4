package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sluice/conf"
	"sluice/host"
	"sluice/http1"
	"sluice/loop"
	"sluice/site"
)

// explainTime bounds a rehearsal, names that have to be looked up included.
const explainTime = 15 * time.Second

// explainFlags are the command line of explain.
type explainFlags struct {
	file    string
	conf    conf.Overrides
	headers []string
	client  string
	json    bool
	noColor bool
}

func explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain [METHOD] URL [DIR | --config FILE]",
		Short: "Tell step by step what a request meets: .htaccess, rules, access, and the file or script that answers",
		Long: `Tell step by step what a request meets, by the same code that serves it.

URL is a path (/shop/?id=1) or whole (https://example.org/shop/). Each .htaccess
that is read is told, each section and whether it applies, each rule with its
line, what it saw and what it made of it, each condition with the value it saw,
variables, access control, internal redirects, and then the file, script or
status that answers, with the script's environment and the response's headers.

No script is run and no PHP is started.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := refuseEmpty(cmd, args); err != nil {
				return err
			}
			if len(args) == 0 {
				return exitWith(exitUsage, errors.New("explain takes a URL: a path like /index.php, or http://host/path"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := f.explain(args)
			if err != nil {
				return err
			}
			if f.json {
				return encodeJSON(cmd.OutOrStdout(), e)
			}
			return e.print(cmd.OutOrStdout(), !f.noColor && os.Getenv("NO_COLOR") == "" && isTerminal(cmd.OutOrStdout()))
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.file, "config", "", "configuration file (see docs/configuration.md)")
	fl.StringArrayVarP(&f.headers, "header", "H", nil, "a header of the request, 'Name: value'; may be repeated")
	fl.StringVar(&f.client, "client", "127.0.0.1", "address of the client")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	fl.BoolVar(&f.noColor, "no-color", false, "no colours on a terminal (nor with NO_COLOR set)")
	fl.StringVar(&f.conf.Override, "allow-override", "", "All (default), None or classes of directives: what .htaccess files may say")
	fl.StringArrayVar(&f.conf.ProxyTo, "proxy-to", nil, "host[:port], unix:/path or * that [P] of .htaccess may pass requests on to (can be repeated)")
	fl.StringVar(&f.conf.HiddenFiles, "hidden-files", "", "refuse (default) or apache: which files are never served")
	fl.StringVar(&f.conf.PHP, "php", "", "as for serve; nothing is started")
	return cmd
}

// isTerminal tells whether w shows what is written to people.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

func (f *explainFlags) explain(args []string) (*explanation, error) {
	q, dir, err := f.question(args)
	if err != nil {
		return nil, err
	}
	if f.file != "" && len(dir) > 0 {
		return nil, exitWith(exitUsage, errors.New("explain takes a folder or --config, not both: the file names the sites' folders"))
	}
	cfg, err := configuration(f.file, dir, f.conf)
	if err != nil {
		return nil, err
	}
	if err := q.complete(cfg); err != nil {
		return nil, err
	}
	parts, notes, err := host.Pretend(cfg)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		defer p.Close()
	}
	r := &rehearsal{q: q, parts: parts, limits: http1.Limits{
		RequestLineBytes: cfg.Limits.RequestLine, HeadBytes: cfg.Limits.Head, FieldLines: cfg.Limits.Fields,
	}}
	if err := r.run(); err != nil {
		return nil, err
	}
	return r.explanation(notes), nil
}

// rehearsal is a request on its way through a host of its own.
type rehearsal struct {
	q      *question
	parts  []*host.Site
	limits http1.Limits
	// Owned by the loop while it runs:
	x    site.Exchange
	head http1.Head
	out  witness
}

// run serves the request on a loop, with nobody at the other end.
func (r *rehearsal) run() error {
	l, err := loop.New(loop.Portable)
	if err != nil {
		return err
	}
	var sites []*site.Site
	for _, p := range r.parts {
		sites = append(sites, p.Site())
	}
	siteHost, err := site.NewHost(l, sites)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- l.Run() }()
	r.out.done = make(chan struct{})
	l.Post(func() { r.serve(siteHost) })
	timer := time.NewTimer(explainTime)
	defer timer.Stop()
	select {
	case <-r.out.done:
	case err := <-ended:
		return errors.Join(errors.New("the loop has ended"), err)
	case <-timer.C:
		err = fmt.Errorf("no answer within %s", explainTime)
	}
	l.Post(siteHost.Close)
	l.Stop()
	return errors.Join(err, <-ended)
}

// serve does what front does with a request's head.
func (r *rehearsal) serve(host *site.Host) {
	x, q := &r.x, r.q
	x.Stream, x.Trace, x.Rehearse = &r.out, &r.out, r.out.rehearse
	x.Req = &r.head.Request
	x.Client, x.ClientPort, x.Server, x.HTTPS = q.client, explainClientPort, q.server, q.https
	var p http1.Parser
	p.Init(&r.limits)
	p.Begin(&r.head)
	_, ev, err := p.Feed(q.head())
	switch {
	case err != nil:
		r.out.refused = err
		host.Reject(x, err.Status, err)
		return
	case ev != http1.HeadComplete: // no head of ours is like that
		r.out.refused = errors.New("the request is incomplete")
		host.Reject(x, 400, r.out.refused)
		return
	}
	x.HasContent = r.head.Chunked || r.head.ContentLength > 0
	host.Serve(x)
}

// explainClientPort is the port of a client that does not exist.
const explainClientPort = 50000

var loopback = netip.MustParseAddr("127.0.0.1")
