//go:build linux

package integration

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// apacheModules is Debian's default set with mpm_event and proxy_fcgi in place
// of mod_php, which is what "a2enconf php-fpm" gives.
var apacheModules = []string{
	"mpm_event", "authn_core", "authn_file", "authz_core", "authz_host", "authz_user", "auth_basic", "access_compat",
	"alias", "autoindex", "deflate", "dir", "env", "filter", "mime", "negotiation", "reqtimeout",
	"setenvif", "rewrite", "headers", "proxy", "proxy_fcgi",
}

// startApache runs Apache 2.4 with .htaccess allowed and PHP through proxy_fcgi.
func startApache(t testing.TB, st site, fpm string) *server {
	t.Helper()
	bin := tool(t, "apache2", "httpd")
	dir := workDir(t)
	s := &server{kind: "apache", addr: freeAddr(t), dir: dir, logs: []string{filepath.Join(dir, "error.log")}}
	conf := filepath.Join(dir, "apache.conf")
	writeFile(t, conf, apacheConf(st, s, fpm))
	s.showLogs(t)
	s.proc = startProcess(t, dir, "apache", exec.Command(bin, "-d", dir, "-f", conf, "-DFOREGROUND"))
	awaitListening(t, s.proc, "tcp", s.addr)
	return s
}

func apacheConf(st site, s *server, fpm string) string {
	var b strings.Builder
	for _, m := range apacheModules {
		fmt.Fprintf(&b, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	if asRoot() {
		b.WriteString("User www-data\nGroup www-data\n")
	}
	fmt.Fprintf(&b, "ServerName localhost\nListen %s\nPidFile %s/apache.pid\n", s.addr, s.dir)
	fmt.Fprintf(&b, "Mutex file:%s default\nErrorLog %s/error.log\nLogLevel warn\n", s.dir, s.dir)
	b.WriteString("TypesConfig /etc/mime.types\nServerTokens OS\nUseCanonicalName Off\nAcceptPathInfo Default\n")
	b.WriteString("StartServers 1\nThreadsPerChild 25\nMaxRequestWorkers 150\n")
	fmt.Fprintf(&b, "DocumentRoot %s\nDirectoryIndex index.php index.html\n", st.root)
	fmt.Fprintf(&b, "<Directory %s>\nOptions FollowSymLinks\nAllowOverride All\nRequire all granted\n", st.root)
	if st.front != "" {
		fmt.Fprintf(&b, "FallbackResource %s\n", st.front)
	}
	b.WriteString("</Directory>\n")
	b.WriteString("<FilesMatch \"^\\.ht\">\nRequire all denied\n</FilesMatch>\n")
	b.WriteString("SetEnvIfNoCase ^Authorization$ \"(.+)\" HTTP_AUTHORIZATION=$1\n")
	fmt.Fprintf(&b, "<FilesMatch \".+\\.ph(?:ar|p|tml)$\">\nSetHandler \"proxy:unix:%s|fcgi://localhost\"\n</FilesMatch>\n", fpm)
	return b.String()
}
