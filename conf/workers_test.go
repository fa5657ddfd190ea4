package conf

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A reserve of php-fpm's workers that is larger than what there may be is found
// before anything starts.
func TestWorkersMin(t *testing.T) {
	for _, tt := range []struct{ php, want string }{
		{`manager = "fpm", workers = 2, workers_min = 3`, "3 workers at least are more than php.workers = 2"},
		{`manager = "fpm", workers_max = 2, workers_min = 3`, "3 workers at least are more than php.workers_max = 2"},
		{`manager = "fpm", workers = 3, workers_min = 3`, ""},
		{`manager = "fpm", workers_min = 3`, ""},
	} {
		text := fmt.Sprintf("[[site]]\nroot = \".\"\nphp = { %s }\n", tt.php)
		_, err := Parse(filepath.Join(t.TempDir(), "sluice.toml"), []byte(text), Overrides{})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.php, err, tt.want)
		}
	}
}
