//go:build linux

package integration

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startNginx runs nginx the way PHP sites usually have it: Debian's
// fastcgi.conf and the split of snippets/fastcgi-php.conf.
func startNginx(t testing.TB, st site, fpm string) *server {
	t.Helper()
	bin := tool(t, "nginx")
	dir := workDir(t)
	s := &server{kind: "nginx", addr: freeAddr(t), dir: dir, logs: []string{filepath.Join(dir, "error.log")}}
	conf := filepath.Join(dir, "nginx.conf")
	writeFile(t, conf, nginxConf(st, s, fpm))
	s.showLogs(t)
	s.proc = startProcess(t, dir, "nginx", exec.Command(bin, "-p", dir, "-c", conf, "-e", s.logs[0]))
	awaitListening(t, s.proc, "tcp", s.addr)
	return s
}

func nginxConf(st site, s *server, fpm string) string {
	var b strings.Builder
	b.WriteString("daemon off;\nworker_processes 2;\npid nginx.pid;\nerror_log error.log notice;\n")
	if asRoot() {
		b.WriteString("user root;\n")
	}
	b.WriteString("events { worker_connections 1024; }\nhttp {\n")
	b.WriteString("  include /etc/nginx/mime.types;\n  default_type application/octet-stream;\n")
	b.WriteString("  sendfile on;\n  gzip on;\n  gzip_vary on;\n  gzip_static on;\n")
	b.WriteString("  gzip_types text/css application/javascript application/json image/svg+xml;\n")
	b.WriteString("  access_log access.log;\n")
	for _, use := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&b, "  %s_temp_path tmp_%s;\n", use, use)
	}
	fmt.Fprintf(&b, "  client_max_body_size %s;\n", bodySize(st))
	fmt.Fprintf(&b, "  server {\n    listen %s;\n    server_name localhost;\n    root %s;\n", s.addr, st.root)
	b.WriteString("    index index.php index.html;\n")
	b.WriteString("    location ~ /\\.(?!well-known) { return 404; }\n")
	b.WriteString("    location ~* /(?:uploads|files)/.*\\.php { return 404; }\n")
	if st.front != "" {
		tail := st.front
		if strings.HasSuffix(tail, ".php") {
			tail += "?$args"
		}
		fmt.Fprintf(&b, "    location / { try_files $uri $uri/ %s; }\n", tail)
	}
	b.WriteString("    location ~ [^/]\\.php(/|$) {\n")
	b.WriteString("      fastcgi_split_path_info ^(.+?\\.php)(/.*)$;\n")
	b.WriteString("      try_files $fastcgi_script_name =404;\n")
	b.WriteString("      set $path_info $fastcgi_path_info;\n")
	b.WriteString("      fastcgi_param PATH_INFO $path_info;\n")
	b.WriteString("      include /etc/nginx/fastcgi.conf;\n")
	fmt.Fprintf(&b, "      fastcgi_pass unix:%s;\n      fastcgi_read_timeout 120s;\n    }\n", fpm)
	b.WriteString("  }\n}\n")
	return b.String()
}
