//go:build linux

package htaccess_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// phpSettings are those of both servers' PHP: what the recorded answers of the
// oracle were made with, as far as it changes answers.
var phpSettings = [][2]string{
	{"opcache.enable", "0"},
	{"realpath_cache_size", "0"},
	{"expose_php", "0"},
	{"zlib.output_compression", "0"},
	{"variables_order", "GPCS"},
	{"auto_globals_jit", "0"},
	{"default_charset", "UTF-8"},
}

// startFPM runs a php-fpm for Apache and returns its socket.
func startFPM(t testing.TB, workers int) string {
	t.Helper()
	bin := tool(t, "php-fpm", "php-fpm[0-9]*")
	dir := workDir(t)
	sock := filepath.Join(dir, "fpm.sock")
	var b strings.Builder
	fmt.Fprintf(&b, "[global]\ndaemonize = no\npid = %s/fpm.pid\nerror_log = %s/fpm-error.log\n", dir, dir)
	fmt.Fprintf(&b, "[www]\nlisten = %s\nlisten.mode = 0666\npm = static\npm.max_children = %d\n", sock, workers)
	b.WriteString("security.limit_extensions = .php .phar .phtml\nclear_env = yes\n")
	args := []string{"-F", "-y", filepath.Join(dir, "fpm.conf")}
	if os.Geteuid() == 0 {
		b.WriteString("user = www-data\ngroup = www-data\n")
	}
	for _, s := range phpSettings {
		fmt.Fprintf(&b, "php_admin_value[%s] = %s\n", s[0], s[1])
	}
	writeFile(t, filepath.Join(dir, "fpm.conf"), b.String())
	p := startProcess(t, dir, "php-fpm", exec.Command(bin, args...))
	awaitListening(t, p, "unix", sock)
	return sock
}

// apacheModules is what hosts for PHP load: Debian's default set with proxy_fcgi
// in place of mod_php, headers, expires, rewrite and ssl. Processes instead of
// threads, so that a crash (see askApache) hits one request only.
var apacheModules = strings.Fields(`mpm_prefork authn_core authn_file authz_core authz_host authz_user
	authz_groupfile auth_basic access_compat alias dir mime env expires headers setenvif rewrite proxy
	proxy_fcgi filter deflate autoindex negotiation ssl socache_shmcb reqtimeout`)

// startApache runs Apache 2.4 with one port per document root; all of them are
// vhosts of the name example.com. more are modules beside the usual ones.
func startApache(t testing.TB, fpm string, roots []string, more ...string) []string {
	t.Helper()
	bin := tool(t, "apache2", "httpd")
	dir := workDir(t)
	addrs := freeAddrs(t, len(roots))
	conf := filepath.Join(dir, "apache.conf")
	writeFile(t, conf, apacheConf(t, dir, fpm, roots, addrs, more))
	cmd := exec.Command(bin, "-d", dir, "-f", conf, "-DFOREGROUND")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C"}
	p := startProcess(t, dir, "apache", cmd)
	for _, addr := range addrs {
		awaitListening(t, p, "tcp", addr)
	}
	return addrs
}

func apacheConf(t testing.TB, dir, fpm string, roots, addrs, more []string) string {
	t.Helper()
	modules := "/usr/lib/apache2/modules"
	if _, err := os.Stat(modules); err != nil {
		missing(t, "Apache's modules in "+modules)
	}
	var b strings.Builder
	for _, m := range slices.Concat(apacheModules, more) {
		fmt.Fprintf(&b, "LoadModule %s_module %s/mod_%s.so\n", m, modules, m)
	}
	if os.Geteuid() == 0 {
		b.WriteString("User www-data\nGroup www-data\n")
	}
	fmt.Fprintf(&b, "ServerRoot %[1]s\nDefaultRuntimeDir %[1]s\nPidFile %[1]s/apache.pid\nMutex file:%[1]s default\n", dir)
	errorLog := filepath.Join(dir, "error.log")
	if *errorLogFlag != "" {
		errorLog = *errorLogFlag
	}
	fmt.Fprintf(&b, "ErrorLog %s\n", errorLog)
	b.WriteString(`LogLevel warn core:notice
ServerName example.com:80
UseCanonicalName Off
ServerTokens Prod
ServerSignature Off
TraceEnable Off
KeepAlive Off
StartServers 8
MinSpareServers 4
MaxSpareServers 40
MaxRequestWorkers 40
TypesConfig /etc/mime.types
AddType application/x-httpd-php .never-used
SSLSessionCache none
<Directory />
Options FollowSymLinks
AllowOverride None
Require all denied
</Directory>
<FilesMatch "^\.ht">
Require all denied
</FilesMatch>
DirectoryIndex index.php index.html index.htm
<FilesMatch ".+\.phps$">
Require all denied
</FilesMatch>
<FilesMatch "^\.ph(?:ar|p|ps|tml)$">
Require all denied
</FilesMatch>
`)
	fmt.Fprintf(&b, "<FilesMatch \".+\\.ph(?:ar|p|tml)$\">\nSetHandler \"proxy:unix:%s|fcgi://localhost\"\n</FilesMatch>\n", fpm)
	for i, root := range roots {
		fmt.Fprintf(&b, "Listen %[1]s\n<VirtualHost %[1]s>\nServerName example.com:80\nServerAlias www.example.com\nDocumentRoot %[2]s\n", addrs[i], root)
		fmt.Fprintf(&b, "<Directory %s>\nOptions FollowSymLinks\nAllowOverride All\nRequire all granted\n</Directory>\n</VirtualHost>\n", root)
	}
	return b.String()
}

// startSluice serves a folder the way a user moving from Apache would.
func startSluice(t testing.TB, root, addr string, flags ...string) *process {
	t.Helper()
	bin := sluiceBinary(t)
	tool(t, "php-cgi", "php-cgi[0-9]*")
	dir := workDir(t)
	args := append([]string{"serve", root, "--listen", addr, "--hidden-files", "apache", "--access-log", "off"}, flags...)
	cmd := exec.Command(bin, args...)
	cmd.Dir = dir
	p := startProcess(t, dir, "sluice", cmd)
	awaitListening(t, p, "tcp", addr)
	awaitScripts(t, p, addr)
	t.Cleanup(func() {
		if !p.running() {
			t.Errorf("sluice ended by itself: %v\n%s", p.cmd.ProcessState, tail(p.log, 4096))
		}
	})
	return p
}

// awaitScripts waits until PHP answers: twenty starting at once on a small
// machine would take longer than each of them may.
func awaitScripts(t testing.TB, p *process, addr string) {
	t.Helper()
	r := parseRequest("/index.php")
	for end := time.Now().Add(startMax); ; time.Sleep(10 * time.Millisecond) {
		a := exchange(addr, r, exchangeMax)
		if a.err == nil && a.status < 500 {
			return
		}
		if !p.running() || time.Now().After(end) {
			t.Fatalf("htaccess: %s runs no script: %v, status %d\n%s", p.name, a.err, a.status, tail(p.log, 4096))
		}
	}
}
