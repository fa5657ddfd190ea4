package php

import (
	"bytes"
	"context"
	"fmt"
)

// readsScript prints a mark, then whether PHP can read a script, or go into a
// folder.
const readsScript = `<?php
header('Content-Type: text/plain');
$path = $_SERVER['SLUICE_PATH'];
echo "\nsluice-reads\n", (int) (@is_dir($path) ? @is_dir("$path/.") : @is_readable($path)), "\n";
`

// FPMReads tells whether the workers of a php-fpm that is not ours can read a
// script, or, of a folder, what is in it: they run as another user, perhaps in a
// chroot or with an open_basedir. Nothing of the site runs. An error says that it
// can't be known, as for ProbeAddress.
func FPMReads(ctx context.Context, network, address, path string) (reads bool, err error) {
	err = withScript(readsScript, ".php", func(script string) error {
		stdout, stderr, err := run(ctx, network, address, append(probeParams(script), [2]string{"SLUICE_PATH", path}))
		if err != nil {
			return fmt.Errorf("php: asking %s whether it reads %q: %w", address, path, err)
		}
		_, said, ok := bytes.Cut(stdout, []byte("\nsluice-reads\n"))
		if !ok {
			said = bytes.TrimSpace(append(stderr, stdout...))
			return fmt.Errorf("php: asking %s whether it reads %q: %w: %.300q", address, path, ErrRefused, said)
		}
		reads = bytes.HasPrefix(said, []byte("1"))
		return nil
	})
	return reads, err
}
