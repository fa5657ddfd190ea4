//go:build linux

package integration

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startFPM runs a php-fpm pool for the oracles and returns its socket.
func startFPM(t testing.TB, st site) string {
	t.Helper()
	bin := tool(t, "php-fpm", "php-fpm[0-9]*")
	dir := workDir(t)
	sock := filepath.Join(dir, "fpm.sock")
	var b strings.Builder
	fmt.Fprintf(&b, "[global]\ndaemonize = no\npid = %s/fpm.pid\nerror_log = %s/fpm-error.log\n", dir, dir)
	fmt.Fprintf(&b, "[www]\nlisten = %s\nlisten.mode = 0666\n", sock)
	if asRoot() {
		b.WriteString("user = root\ngroup = root\n")
	}
	fmt.Fprintf(&b, "pm = static\npm.max_children = %d\n", st.workerCount())
	b.WriteString("catch_workers_output = yes\n")
	for _, key := range sortedKeys(st.ini) {
		fmt.Fprintf(&b, "php_admin_value[%s] = %s\n", key, st.ini[key])
	}
	conf := filepath.Join(dir, "fpm.conf")
	writeFile(t, conf, b.String())
	args := []string{"-F", "-y", conf}
	if asRoot() {
		args = append(args, "-R")
	}
	p := startProcess(t, dir, "php-fpm", exec.Command(bin, args...))
	awaitListening(t, p, "unix", sock)
	return sock
}
