package php

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Facts is what PHP says of itself with its final settings.
type Facts struct {
	Version string // "8.2.35"
	SAPI    string // "cgi-fcgi" or "fpm-fcgi"

	PostMaxBytes   int64         // post_max_size; 0: unlimited
	UploadMaxBytes int64         // upload_max_filesize; 0: unlimited
	MemoryLimit    int64         // bytes; 0: unlimited
	MaxExecution   time.Duration // CPU time on Unix; 0: unlimited
	OPcache        bool
	Extensions     []string // sorted
}

// Has reports whether an extension is loaded; its name is matched as PHP does,
// whatever the case.
func (f Facts) Has(extension string) bool {
	return slices.ContainsFunc(f.Extensions, func(e string) bool { return strings.EqualFold(e, extension) })
}

var errFacts = errors.New("facts missing or cut short")

// parseFacts reads what probeScript prints.
func parseFacts(answer []byte) (Facts, error) {
	_, body, ok := bytes.Cut(answer, []byte("\nsluice-facts\n"))
	if !ok {
		return Facts{}, errFacts
	}
	var f Facts
	var err error
	complete := false
	for line := range strings.Lines(string(body)) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		var e error
		switch name {
		case "version":
			f.Version = value
		case "sapi":
			f.SAPI = value
		case "post_max_size":
			f.PostMaxBytes, e = parseQuantity(value)
		case "upload_max_filesize":
			f.UploadMaxBytes, e = parseQuantity(value)
		case "memory_limit":
			f.MemoryLimit, e = parseQuantity(value)
		case "max_execution_time":
			var seconds int64
			seconds, e = parseQuantity(value)
			f.MaxExecution = time.Duration(min(seconds, math.MaxInt64/int64(time.Second))) * time.Second
		case "opcache":
			f.OPcache = value == "1"
		case "extension":
			f.Extensions = append(f.Extensions, value)
		case "end":
			complete = true
		}
		if e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, e))
		}
		if complete {
			break // an appended file may print more
		}
	}
	if !complete {
		err = errors.Join(err, errFacts)
	}
	slices.Sort(f.Extensions)
	return f, err
}

// parseQuantity reads a number as PHP does: decimal, octal, hex or binary, then
// K, M or G. What is between the number and a final K, M or G is ignored; "8.5M"
// is 8 MiB. Negative numbers and 0 mean no limit and give 0, as does nothing.
func parseQuantity(s string) (int64, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, nil
	}
	shift := 0
	switch s[len(s)-1] {
	case 'k', 'K':
		shift = 10
	case 'm', 'M':
		shift = 20
	case 'g', 'G':
		shift = 30
	}
	n, err := strconv.ParseInt(leadingNumber(s), 0, 64)
	if err != nil {
		return 0, fmt.Errorf("not a quantity: %q", s)
	}
	if n > math.MaxInt64>>shift {
		return math.MaxInt64, nil
	}
	return max(n, 0) << shift, nil
}

// leadingNumber returns the longest number that s begins with, with its sign and
// its prefix for the base.
func leadingNumber(s string) string {
	end := 0
	if end < len(s) && (s[end] == '-' || s[end] == '+') {
		end++
	}
	digits := "0123456789"
	if len(s) >= end+2 && s[end] == '0' {
		switch s[end+1] | 0x20 {
		case 'x':
			digits, end = "0123456789abcdefABCDEF", end+2
		case 'o':
			digits, end = "01234567", end+2
		case 'b':
			digits, end = "01", end+2
		}
	}
	for end < len(s) && strings.IndexByte(digits, s[end]) >= 0 {
		end++
	}
	return s[:end]
}
