package rewrite

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

func init() {
	register(map[string]directive{
		"expiresactive": {OverrideIndexes, takeFlag, func(_ *compiler, s *scope, _ *node, args []string) error {
			on, err := onOff(args[0])
			s.cfg.expires.active = &on
			return err
		}},
		"expiresdefault": {OverrideIndexes, take1, func(_ *compiler, s *scope, _ *node, args []string) error {
			r, err := parseExpires(args[0])
			s.cfg.expires.general = &r
			return err
		}},
		"expiresbytype": {OverrideIndexes, take2, func(_ *compiler, s *scope, _ *node, args []string) error {
			r, err := parseExpires(args[1])
			if s.cfg.expires.byType == nil {
				s.cfg.expires.byType = map[string]expiresRule{}
			}
			s.cfg.expires.byType[toLower(args[0])] = r
			return err
		}},
	})
}

var expiresUnits = map[string]int64{
	"year": 31536000, "month": 2592000, "week": 604800, "day": 86400,
	"hour": 3600, "minute": 60, "min": 60, "second": 1, "sec": 1,
}

// parseExpires reads A3600, M60, or "access plus 1 month 2 days".
func parseExpires(s string) (expiresRule, error) {
	var r expiresRule
	if len(s) > 1 && (s[0] == 'A' || s[0] == 'M') && isDigit(s[1]) {
		r.modified = s[0] == 'M'
		r.seconds = atoi(s[1:])
		return r, nil
	}
	w := strings.Fields(s)
	if len(w) == 0 {
		return r, errors.New("bad expires code: empty")
	}
	switch toLower(w[0]) {
	case "now", "access":
	case "modification":
		r.modified = true
	default:
		return r, fmt.Errorf("bad expires code, unrecognised <base> '%s'", w[0])
	}
	w = w[1:]
	if len(w) > 0 && equalFold(w[0], "plus") {
		w = w[1:]
	}
	for i := 0; i < len(w); i += 2 {
		if !isDigit(w[i][0]) {
			return r, fmt.Errorf("bad expires code, numeric value expected <num> '%s'", w[i])
		}
		if i+1 >= len(w) {
			return r, errors.New("bad expires code, missing <type>")
		}
		unit := toLower(w[i+1])
		n, ok := expiresUnits[unit]
		if !ok {
			n, ok = expiresUnits[strings.TrimSuffix(unit, "s")]
		}
		if !ok {
			return r, fmt.Errorf("bad expires code, unrecognised <type> '%s'", w[i+1])
		}
		r.seconds += atoi(w[i]) * n
	}
	return r, nil
}

func minutes(n int64) time.Duration { return time.Duration(n) * time.Minute }
