//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// caddyModule is installed at its newest version that the proxy has.
const caddyModule = "github.com/caddyserver/caddy/v2"

// startCaddy runs one process for few connections and one for many. Caddy makes
// a new FastCGI connection for each request, so its php workers cannot starve,
// but there are as many at once as requests: where that is over the backlog, a
// Unix socket refuses, and TCP makes them wait.
func startCaddy(ctx context.Context, b *bench) (running, error) {
	if err := installCaddy(ctx, b); err != nil {
		return nil, fmt.Errorf("%w: %w", errAbsent, err)
	}
	many := func(sc scenario) bool { return sc.conns >= manyConns }
	return startPair("caddy", many, func(name string, special bool) (*httpServer, error) {
		network := "unix"
		if special {
			network = "tcp"
		}
		return startConfigured(ctx, b, phpCGI, name, network,
			func(address string, backend *backend) string { return caddyConf(b, address, backend) },
			func(conf string) []string {
				// Whatever it keeps, it keeps in our folder.
				return []string{
					"env", "HOME=" + b.scratch, "XDG_DATA_HOME=" + b.scratch, "XDG_CONFIG_HOME=" + b.scratch,
					b.caddy, "run", "--adapter", "caddyfile", "--config", conf,
				}
			})
	})
}

func caddyConf(b *bench, address string, backend *backend) string {
	upstream := backend.address
	if backend.network == "unix" {
		upstream = "unix/" + upstream
	}
	return fmt.Sprintf(`{
	admin off
	auto_https off
	persist_config off
	log {
		level ERROR
	}
}
http://%[1]s {
	bind 127.0.0.1
	root * %[2]s
	php_fastcgi %[3]s
	file_server
}
`, address, b.docroot, upstream)
}

// installCaddy gets the program from the module proxy unless it is there.
func installCaddy(ctx context.Context, b *bench) error {
	path, err := filepath.Abs(b.caddy)
	if err != nil {
		return err
	}
	b.caddy = path
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	b.logf("installing Caddy into %s, this takes minutes", filepath.Dir(path))
	ctx, cancel := context.WithTimeout(ctx, installWait)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "install", caddyModule+"/cmd/caddy@latest")
	cmd.Env = append(os.Environ(), "GOBIN="+filepath.Dir(path))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("bench: go install %s: %w\n%s", caddyModule, err, out)
	}
	return nil
}

// caddyVersion is what it was built from: "caddy version" does not know.
func caddyVersion(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == caddyModule {
			return m.Version
		}
	}
	return ""
}
