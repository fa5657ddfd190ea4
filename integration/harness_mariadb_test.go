//go:build linux

package integration

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// database is a MariaDB of the test's own, reachable by its socket only.
type database struct {
	sock   string
	client string
}

// startMariaDB makes a fresh data folder and runs a server on it.
func startMariaDB(t testing.TB) *database {
	t.Helper()
	install, bin := tool(t, "mariadb-install-db", "mysql_install_db"), tool(t, "mariadbd", "mysqld")
	db := &database{client: tool(t, "mariadb", "mysql")}
	dir := workDir(t)
	data := filepath.Join(dir, "data")
	db.sock = filepath.Join(dir, "db.sock")
	args := []string{"--no-defaults", "--datadir=" + data, "--skip-test-db", "--auth-root-authentication-method=normal"}
	user := []string{}
	if asRoot() {
		user = append(user, "--user=root")
	}
	out, err := exec.Command(install, append(args, user...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("integration: %s: %v\n%s", install, err, out)
	}
	// Durability is nobody's concern here; speed is.
	args = append([]string{
		"--no-defaults", "--datadir=" + data, "--socket=" + db.sock, "--pid-file=" + filepath.Join(dir, "db.pid"),
		"--skip-networking", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0",
		"--innodb-buffer-pool-size=64M", "--max-allowed-packet=64M",
	}, user...)
	p := startProcess(t, dir, "mariadb", exec.Command(bin, args...))
	ready := eventually(30*time.Second, func() bool {
		return !p.running() || exec.Command(db.client, "--no-defaults", "-S", db.sock, "-u", "root", "-e", "SELECT 1").Run() == nil
	})
	if !ready || !p.running() {
		t.Fatalf("integration: mariadb is not ready\n%s", p.tail(4096))
	}
	return db
}

// run sends statements as root and returns what they print, without headings.
func (db *database) run(t testing.TB, sql string) string {
	t.Helper()
	cmd := exec.Command(db.client, "--no-defaults", "-S", db.sock, "-u", "root", "-N", "-B")
	cmd.Stdin = strings.NewReader(sql)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("integration: mariadb: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// account makes a database and a user that may do everything in it.
func (db *database) account(t testing.TB, name, user, password string) {
	t.Helper()
	db.run(t, "CREATE DATABASE `"+name+"` CHARACTER SET utf8mb4;"+
		"CREATE USER '"+user+"'@'localhost' IDENTIFIED BY '"+password+"';"+
		"GRANT ALL ON `"+name+"`.* TO '"+user+"'@'localhost';")
}
