//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
)

// startApache runs one process of the event MPM: its pool of FastCGI
// connections is bounded per process, so with one process it can be as large
// as the number of workers, and nothing starves. To read .htaccess files it
// needs more modules and looks at every folder, so a second Apache does that,
// and the first is as lean as it can be.
func startApache(ctx context.Context, b *bench) (running, error) {
	readsRules := func(sc scenario) bool { return sc.ruled }
	return startPair("apache", readsRules, func(name string, special bool) (*httpServer, error) {
		override, more := "None", []string(nil)
		if special {
			override = "All"
			more = []string{"dir", "rewrite", "setenvif", "env", "headers", "authn_core", "authz_host", "access_compat"}
		}
		s, err := startConfigured(ctx, b, phpCGI, name, "unix",
			func(address string, backend *backend) string {
				return apacheConf(b, name, address, backend, override, more)
			},
			func(conf string) []string {
				return []string{systemProgram("apache2"), "-D", "FOREGROUND", "-f", conf}
			})
		if err == nil {
			s.ruled = special
		}
		return s, err
	})
}

func apacheConf(b *bench, name, address string, backend *backend, override string, more []string) string {
	modules := ""
	for _, m := range append([]string{"mpm_event", "authz_core", "mime", "proxy", "proxy_fcgi"}, more...) {
		modules += fmt.Sprintf("LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	user := ""
	if os.Geteuid() == 0 { // Apache refuses to answer as root
		user = "User www-data\nGroup www-data"
	}
	return fmt.Sprintf(`ServerRoot %[1]s
ServerName localhost
PidFile %[1]s/%[2]s.pid
Listen %[3]s
ListenBacklog 65535
%[4]s
%[8]s
ErrorLog /dev/stderr
LogLevel crit
TypesConfig /etc/mime.types
ServerLimit 1
StartServers 1
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers 128
AsyncRequestWorkerFactor 200
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 600
DocumentRoot %[5]s
<Directory %[5]s>
  AllowOverride %[9]s
  Require all granted
</Directory>
<Proxy "fcgi://php/">
  ProxySet enablereuse=on max=%[6]d
</Proxy>
# php-cgi, unlike php-fpm, takes the script's path as it is.
ProxyFCGIBackendType GENERIC
<FilesMatch "\.php$">
  SetHandler "proxy:unix:%[7]s|fcgi://php/"
</FilesMatch>
`, b.scratch, name, address, modules, b.docroot, b.workers, backend.address, user, override)
}
