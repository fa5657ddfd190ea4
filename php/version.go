package php

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// runVersion returns the first bytes that "php-cgi -v" or "php-fpm -v" prints;
// without php.ini (-n), whose extensions would take longer to load than all the rest.
func runVersion(path string, limit time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-n", "-v")
	var out bytes.Buffer
	limited := &limitedWriter{w: &out, left: versionOutputMaxBytes}
	cmd.Stdout, cmd.Stderr = limited, limited
	cmd.WaitDelay = dialRetry // a grandchild may hold the pipe
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("php: %q -v did not answer in %s", path, limit)
	case err != nil:
		if said := firstLine(out.Bytes()); said != "" {
			err = fmt.Errorf("%w: %s", err, said)
		}
		return nil, fmt.Errorf("php: %q -v: %w", path, err)
	default:
		return out.Bytes(), nil
	}
}

// limitedWriter keeps the first left bytes and swallows the rest.
type limitedWriter struct {
	w    io.Writer
	left int
}

func (l *limitedWriter) Write(b []byte) (int, error) {
	n := len(b)
	if len(b) > l.left {
		b = b[:l.left]
	}
	l.left -= len(b)
	if _, err := l.w.Write(b); err != nil {
		return 0, err
	}
	return n, nil
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	return string(line)
}

var errNotPHP = errors.New("is not a")

// sapis are the words by which programs tell what they are.
var sapis = map[string]string{"php-cgi": "(cgi-fcgi)", "php-fpm": "(fpm-fcgi)"}

// parseVersion reads "PHP 8.2.35 (cgi-fcgi) (built: …". Start-up warnings may
// come first.
func parseVersion(path, program string, out []byte) (string, error) {
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "PHP" || len(versionNumbers(words[1])) != 3 {
			continue
		}
		if words[2] != sapis[program] {
			return "", fmt.Errorf("php: %q %w %s but PHP %s for %s", path, errNotPHP, program, words[1], strings.Trim(words[2], "()"))
		}
		return words[1], nil
	}
	said := "nothing"
	if line := firstLine(out); line != "" {
		said = strconv.Quote(line)
	}
	return "", fmt.Errorf("php: %q %w %s: -v says %s", path, errNotPHP, program, said)
}

// versionNumbers returns the three numbers of "8.2.35" or "8.4.0RC1-dev", nil if
// it has not got them.
func versionNumbers(version string) []int {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) != 3 {
		return nil
	}
	end := 0
	for end < len(parts[2]) && parts[2][end] >= '0' && parts[2][end] <= '9' {
		end++
	}
	parts[2] = parts[2][:end]
	numbers := make([]int, 3)
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		numbers[i] = n
	}
	return numbers
}

// versionNotice warns of CVE-2024-4577 (argument injection by best-fit
// characters on Windows). FastCGI workers with fixed arguments are not open to
// it, but the same file may be reachable as a plain CGI.
func versionNotice(goos, version string) string {
	n := versionNumbers(version)
	if goos != "windows" || n == nil {
		return ""
	}
	fixed := map[[2]int]int{{8, 1}: 29, {8, 2}: 20, {8, 3}: 8}
	patch, listed := fixed[[2]int{n[0], n[1]}]
	newer := n[0] > 8 || (n[0] == 8 && n[1] > 3)
	if newer || (listed && n[2] >= patch) {
		return ""
	}
	return fmt.Sprintf("php: PHP %s on Windows has CVE-2024-4577; update to 8.1.29, 8.2.20, 8.3.8 or newer", version)
}
