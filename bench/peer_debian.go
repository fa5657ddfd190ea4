//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
)

// debian is Apache as its users have it: what Debian's packages apache2 and php-fpm
// set up (a2enconf php-fpm), with AllowOverride All and the modules that WordPress
// asks for. php-fpm has as many children as the others have workers.
type debian struct{ *httpServer }

// takes the scenarios about .htaccess: that is what people have it for.
func (d *debian) takes(sc scenario) bool {
	return sc.ruled && !sc.idle && !sc.clients && sc.backend == phpCGI
}

func startDebian(ctx context.Context, b *bench) (running, error) {
	s, err := startConfigured(ctx, b, phpFPM, "debian", "unix",
		func(address string, backend *backend) string { return debianConf(b, address, backend) },
		func(conf string) []string { return []string{systemProgram("apache2"), "-D", "FOREGROUND", "-f", conf} })
	if err != nil {
		return nil, err // not a running that is no nil
	}
	s.ruled = true
	return &debian{s}, nil
}

// debianModules are those that the package enables, but for mod_php's prefork, and
// what php-fpm and WordPress want beside.
var debianModules = []string{
	"mpm_event", "access_compat", "alias", "auth_basic", "authn_core", "authn_file", "authz_core", "authz_host", "authz_user",
	"autoindex", "deflate", "dir", "env", "filter", "mime", "negotiation", "reqtimeout", "setenvif", "status",
	"proxy", "proxy_fcgi", "rewrite", "headers", "expires",
}

// debianConf follows Debian's apache2.conf, mpm_event.conf, 000-default.conf and
// php8.2-fpm.conf.
func debianConf(b *bench, address string, backend *backend) string {
	modules := ""
	for _, m := range debianModules {
		modules += fmt.Sprintf("LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "User www-data\nGroup www-data"
	}
	return fmt.Sprintf(`ServerRoot %[1]s
ServerName localhost
PidFile %[1]s/debian.pid
Listen %[2]s
%[3]s
%[4]s
ErrorLog %[1]s/debian.error.log
LogLevel warn
TypesConfig /etc/mime.types
Timeout 300
KeepAlive On
MaxKeepAliveRequests 100
KeepAliveTimeout 5
HostnameLookups Off
StartServers 2
MinSpareThreads 25
MaxSpareThreads 75
ThreadLimit 64
ThreadsPerChild 25
MaxRequestWorkers 150
MaxConnectionsPerChild 0
AccessFileName .htaccess
<FilesMatch "^\.ht">
  Require all denied
</FilesMatch>
LogFormat "%%h %%l %%u %%t \"%%r\" %%>s %%O \"%%{Referer}i\" \"%%{User-Agent}i\"" combined
CustomLog %[1]s/debian.access.log combined
DirectoryIndex index.html index.php
AddOutputFilterByType DEFLATE text/html text/plain text/xml
DocumentRoot %[5]s
<Directory />
  Options FollowSymLinks
  AllowOverride None
  Require all denied
</Directory>
<Directory %[5]s>
  Options Indexes FollowSymLinks
  AllowOverride All
  Require all granted
</Directory>
SetEnvIfNoCase ^Authorization$ "(.+)" HTTP_AUTHORIZATION=$1
<FilesMatch ".+\.ph(?:ar|p|tml)$">
  SetHandler "proxy:unix:%[6]s|fcgi://localhost"
</FilesMatch>
`, b.scratch, address, modules, user, b.docroot, backend.address)
}
