package php

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrFPMPath is wrapped by errors of a php-fpm that answers, and knows no such
// status or ping path.
var ErrFPMPath = errors.New("php-fpm does not know the path")

// ReadFPMStatus asks a php-fpm for its status page, at network "unix" or "tcp",
// where path is its pm.status_path. On the socket of the pool itself this waits
// for a free worker, takes it for a moment and is in the figures.
func ReadFPMStatus(ctx context.Context, network, address, path string) (FPMStatus, error) {
	body, err := askFPM(ctx, network, address, path, "json&full")
	if err != nil {
		return FPMStatus{}, err
	}
	return ParseFPMStatus(body)
}

// FPMPing returns nil when a worker of a php-fpm answers on its ping.path. Like
// any request this waits for a free worker: "no answer" is for ctx to decide.
func FPMPing(ctx context.Context, network, address, path string) error {
	body, err := askFPM(ctx, network, address, path, "")
	if err == nil && len(bytes.TrimSpace(body)) == 0 {
		err = fmt.Errorf("php: %s on %s: empty answer", path, address)
	}
	return err
}

// askFPM returns what php-fpm itself answers on a path.
func askFPM(ctx context.Context, network, address, path, query string) ([]byte, error) {
	stdout, stderr, err := run(ctx, network, address, [][2]string{
		{"GATEWAY_INTERFACE", "CGI/1.1"},
		{"SERVER_PROTOCOL", "HTTP/1.1"},
		{"REQUEST_METHOD", "GET"},
		{"REQUEST_URI", path},
		{"QUERY_STRING", query},
		{"SCRIPT_NAME", path},
		{"SCRIPT_FILENAME", path},
	})
	if err != nil {
		return nil, fmt.Errorf("php: %s on %s: %w", path, address, err)
	}
	status, body := splitAnswer(stdout)
	if status != "" && !strings.HasPrefix(status, "200") {
		return nil, fmt.Errorf("php: %s on %s: %w: %s: %.200q", path, address, ErrFPMPath, status, bytes.TrimSpace(stderr))
	}
	return body, nil
}

// splitAnswer takes the head off a CGI response (RFC 3875, 6.3.3: without a
// Status field it is 200).
func splitAnswer(stdout []byte) (status string, body []byte) {
	head, body, ok := bytes.Cut(stdout, []byte("\r\n\r\n"))
	if !ok {
		return "", stdout
	}
	for line := range strings.Lines(string(head)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "Status") {
			status = strings.TrimSpace(value)
		}
	}
	return status, body
}

// answersFastCGI returns nil if who listens there speaks FastCGI.
func answersFastCGI(ctx context.Context, network, address string) error {
	send := appendRecord(nil, typeGetValues, 0, appendPair(nil, "FCGI_MPXS_CONNS", ""))
	return converse(ctx, network, address, send, func(kind byte, _ []byte) (bool, error) {
		if kind != typeGetValuesResult {
			return false, fmt.Errorf("record type %d instead of FCGI_GET_VALUES_RESULT", kind)
		}
		return true, nil
	})
}
