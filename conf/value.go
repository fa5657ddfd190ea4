package conf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// sizeUnits are the units of a size, in octets.
var sizeUnits = []struct {
	name   string
	octets int64
}{{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}}

// parseSize reads "64KiB", "8MiB", "512B" or "512": octets.
func parseSize(s string) (int64, error) {
	digits := s
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			digits = s[:i]
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("size %q is no whole number with a unit, such as \"64KiB\" or \"8MiB\"", s)
	}
	unit := strings.TrimSpace(s[len(digits):])
	if unit == "" {
		return n, nil
	}
	for _, u := range sizeUnits {
		if u.name != unit {
			continue
		}
		if n > math.MaxInt64/u.octets {
			return 0, fmt.Errorf("size %q is too large", s)
		}
		return n * u.octets, nil
	}
	for _, u := range sizeUnits {
		if strings.EqualFold(unit[:1], u.name[:1]) {
			return 0, fmt.Errorf("size %q has unknown unit %q; did you mean \"%d%s\"?", s, unit, n, u.name)
		}
	}
	return 0, fmt.Errorf("size %q has unknown unit %q; use B, KiB, MiB, GiB or TiB", s, unit)
}

// formatSize writes a size in the largest unit that divides it.
func formatSize(n int64) string {
	for i := len(sizeUnits) - 1; i > 0; i-- {
		if u := sizeUnits[i]; n != 0 && n%u.octets == 0 {
			return fmt.Sprintf("%d%s", n/u.octets, u.name)
		}
	}
	return strconv.FormatInt(n, 10)
}

// parseDuration reads "30s", "1m30s", "500ms".
func parseDuration(s string) (time.Duration, error) {
	if _, err := strconv.Atoi(s); err == nil {
		return 0, fmt.Errorf("duration %q has no unit; did you mean \"%ss\"?", s, s)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration, such as \"30s\", \"5m\" or \"500ms\"", s)
	}
	return d, nil
}

// formatDuration leaves out the zero parts that time.Duration.String adds.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// parseInteger reads a TOML integer as written: signs, underscores, 0x 0o 0b.
func parseInteger(s string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(s, "+"), 0, 64)
	if err != nil {
		return 0, fmt.Errorf("integer %s does not fit 64 bits", s)
	}
	return n, nil
}
