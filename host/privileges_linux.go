package host

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// privileges are what it takes to start processes as somebody else, to look after
// them and to give them folders (capabilities(7)).
var privileges = []struct {
	name string
	bit  uint
}{{"CAP_CHOWN", 0}, {"CAP_DAC_OVERRIDE", 1}, {"CAP_KILL", 5}, {"CAP_SETGID", 6}, {"CAP_SETUID", 7}}

// missingPrivileges are those that root lacks, as in a container.
func missingPrivileges() (names []string) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return nil // nobody can tell; what fails says so
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), "CapEff:")
		if !ok {
			continue
		}
		has, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
		for _, p := range privileges {
			if err == nil && has&(1<<p.bit) == 0 {
				names = append(names, p.name)
			}
		}
	}
	return names
}
