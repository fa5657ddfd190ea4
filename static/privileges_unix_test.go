//go:build unix && !linux

package static

import (
	"os"
	"testing"
)

func dropPrivileges(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
}
