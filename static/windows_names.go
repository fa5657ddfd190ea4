package static

import "bytes"

// windowsReserved tells whether Windows would not take a segment as the plain
// name it looks like: streams ("x.php::$DATA"), wildcards, stripped trailing
// dots and spaces, 8.3 aliases ("WP-CON~1.PHP") and devices ("nul.txt").
func windowsReserved(s []byte) bool {
	if bytes.ContainsAny(s, `:*?"<>|`) {
		return true
	}
	if last := s[len(s)-1]; last == '.' || last == ' ' {
		return true
	}
	stem := s
	if dot := bytes.IndexByte(s, '.'); dot >= 0 {
		stem = s[:dot]
	}
	return shortAlias(stem) || deviceName(bytes.TrimRight(stem, " "))
}

// shortAlias: at most eight bytes ending in "~" and digits.
func shortAlias(stem []byte) bool {
	tilde := bytes.LastIndexByte(stem, '~')
	if tilde < 0 || tilde == len(stem)-1 || len(stem) > 8 {
		return false
	}
	for _, c := range stem[tilde+1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func deviceName(stem []byte) bool {
	var low [8]byte
	n := copy(low[:], stem)
	if n < len(stem) {
		return false
	}
	lower(low[:n])
	switch string(low[:n]) {
	case "con", "prn", "aux", "nul", "conin$", "conout$", "clock$":
		return true
	}
	if n < 4 || (string(low[:3]) != "com" && string(low[:3]) != "lpt") {
		return false
	}
	switch string(low[3:n]) {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "\u00b9", "\u00b2", "\u00b3":
		return true
	}
	return false
}

func lower(b []byte) {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
}
