package php

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// probeScript prints what parseFacts reads: a mark, in case something was
// prepended, then a name, a tab and a value in each line.
const probeScript = `<?php
header('Content-Type: text/plain');
echo "\nsluice-facts\n";
foreach (array('post_max_size', 'upload_max_filesize', 'max_execution_time', 'memory_limit') as $name) {
	echo $name, "\t", ini_get($name), "\n";
}
$status = function_exists('opcache_get_status') ? @opcache_get_status(false) : false;
$opcache = is_array($status) ? $status['opcache_enabled'] : extension_loaded('Zend OPcache') && ini_get('opcache.enable');
echo "version\t", PHP_VERSION, "\nsapi\t", PHP_SAPI, "\nopcache\t", (int) $opcache, "\n";
foreach (get_loaded_extensions() as $name) {
	echo "extension\t", $name, "\n";
}
echo "end\t1\n";
`

// ErrRefused is wrapped by errors of a PHP that answers, and not as asked: asking
// again is of no use.
var ErrRefused = errors.New("PHP did not run the probe script")

// Probe asks a running worker what PHP says of itself.
func (g *Group) Probe(ctx context.Context) (Facts, error) {
	procs := g.running()
	if len(procs) == 0 {
		return Facts{}, ErrStopped
	}
	p := procs[0]
	e, _ := p.place()
	if g.opts.Chroot != "" {
		return g.probeInside(ctx, e)
	}
	return probe(ctx, e.network, e.address, p.folder.probe())
}

// probeInside has workers in a chroot run a script that they can see. The folder
// may be the account's: nothing is written through a link.
func (g *Group) probeInside(ctx context.Context, e endpoint) (facts Facts, err error) {
	if g.opts.ProbeDir == "" {
		return Facts{}, fmt.Errorf("php: probe in chroot %q: %w", g.opts.Chroot, ErrUnsupported)
	}
	root, err := openInside(g.opts.Chroot, g.opts.ProbeDir)
	if err != nil {
		return Facts{}, fmt.Errorf("php: probe: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	name := "sluice-probe-" + rand.Text() + g.opts.FPM.extensions()[0]
	if err := root.WriteFile(name, []byte(probeScript), 0o644); err != nil {
		return Facts{}, fmt.Errorf("php: probe: %w", err)
	}
	defer func() { err = errors.Join(err, root.Remove(name)) }()
	if as := g.opts.Account; as != nil { // whatever our umask is
		if err := root.Lchown(name, int(as.UID), int(as.GID)); err != nil {
			return Facts{}, fmt.Errorf("php: probe: %w", err)
		}
	}
	inside := strings.TrimPrefix(filepath.Join(g.opts.ProbeDir, name), g.opts.Chroot)
	return probe(ctx, e.network, e.address, inside)
}

// openInside opens a folder of a chroot, out of which no link leads.
func openInside(jail, dir string) (*os.Root, error) {
	rel, err := filepath.Rel(jail, dir)
	if err != nil {
		return nil, err
	}
	top, err := os.OpenRoot(jail)
	if err != nil {
		return nil, err
	}
	defer func() { _ = top.Close() }()
	return top.OpenRoot(rel)
}

// ProbeAddress asks a php that already runs (php-fpm), at network "unix" or
// "tcp". The script is written into the temporary folder, where another user's
// or another machine's php may be unable to read it: that is an error to log, not
// to give up for.
func ProbeAddress(ctx context.Context, network, address string) (Facts, error) {
	return probeElsewhere(ctx, network, address, ".php")
}

// probeElsewhere has other users' workers run a script whose name ends in suffix.
func probeElsewhere(ctx context.Context, network, address, suffix string) (facts Facts, err error) {
	err = withScript(probeScript, suffix, func(script string) error {
		facts, err = probe(ctx, network, address, script)
		return err
	})
	return facts, err
}

// withScript writes a script of ours for other users' workers, for as long as do
// takes.
func withScript(text, suffix string, do func(script string) error) (err error) {
	dir, err := os.MkdirTemp("", folderPrefix+"probe-")
	if err != nil {
		return fmt.Errorf("php: probe: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	script := filepath.Join(dir, "probe"+suffix)
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		return fmt.Errorf("php: probe: %w", err)
	}
	// php-fpm usually runs as another user. The script holds no secret.
	for path, mode := range map[string]os.FileMode{dir: 0o711, script: 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			return fmt.Errorf("php: probe: %w", err)
		}
	}
	return do(script)
}

func probe(ctx context.Context, network, address, script string) (Facts, error) {
	stdout, stderr, err := run(ctx, network, address, probeParams(script))
	if err != nil {
		return Facts{}, fmt.Errorf("php: probe of %s: %w", address, err)
	}
	facts, err := parseFacts(stdout)
	if err != nil {
		said := bytes.TrimSpace(append(stderr, stdout...))
		return Facts{}, fmt.Errorf("php: probe of %s: %w: %w: %.300q", address, ErrRefused, err, said)
	}
	return facts, nil
}

// probeParams are the variables of a request for a script of ours.
func probeParams(script string) [][2]string {
	return [][2]string{
		{"GATEWAY_INTERFACE", "CGI/1.1"},
		{"SERVER_PROTOCOL", "HTTP/1.1"},
		{"SERVER_SOFTWARE", "sluice"},
		{"SERVER_NAME", "localhost"},
		{"SERVER_PORT", "80"},
		{"REMOTE_ADDR", "127.0.0.1"},
		{"REQUEST_METHOD", "GET"},
		{"REQUEST_URI", "/probe.php"},
		{"QUERY_STRING", ""},
		{"SCRIPT_NAME", "/probe.php"},
		{"SCRIPT_FILENAME", script},
		{"DOCUMENT_ROOT", filepath.Dir(script)},
		{"REDIRECT_STATUS", "200"}, // php-cgi refuses to run without (cgi.force_redirect)
	}
}
