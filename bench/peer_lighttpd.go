//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
)

// startLighttpd runs one process. lighttpd 1.4 makes a new FastCGI connection
// for each request, so its php workers cannot starve.
func startLighttpd(ctx context.Context, b *bench) (running, error) {
	const name = "lighttpd"
	s, err := startConfigured(ctx, b, phpCGI, name, "unix",
		func(address string, backend *backend) string { return lighttpdConf(b, name, address, backend) },
		func(conf string) []string { return []string{systemProgram("lighttpd"), "-D", "-f", conf} })
	if err != nil {
		return nil, err
	}
	return s, nil
}

func lighttpdConf(b *bench, name, address string, backend *backend) string {
	limit := min(b.descriptors, descriptorsPeer)
	_, port, _ := strings.Cut(address, ":")
	return fmt.Sprintf(`server.modules = ("mod_fastcgi")
server.bind = "127.0.0.1"
server.port = %[1]s
server.document-root = "%[2]s"
server.pid-file = "%[3]s/%[4]s.pid"
server.upload-dirs = ("%[3]s")
server.max-fds = %[5]d
server.max-connections = %[6]d
server.listen-backlog = 65535
server.max-keep-alive-requests = 1000000000
server.max-keep-alive-idle = 600
server.stream-response-body = 2
mimetype.assign = (".html" => "text/html", "" => "application/octet-stream")
fastcgi.server = (".php" => ((
  "socket" => "%[7]s",
  "max-procs" => 1,
)))
`, port, b.docroot, b.scratch, name, limit, limit/2, backend.address)
}
