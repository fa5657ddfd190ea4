package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// canRun wants an executable file.
func (dr *draft) canRun(site int, key, name string) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		dr.report(site, key, fmt.Sprintf("php-cgi %q: %v; install php-cgi, or use \"auto\" to have it looked for", name, reason(err)), err)
	case !info.Mode().IsRegular():
		dr.report(site, key, fmt.Sprintf("php-cgi %q is no file; a socket is written %q", name, unixPrefix+name), nil)
	case runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
		dr.report(site, key, fmt.Sprintf("php-cgi %q cannot be executed; chmod +x it or name another", name), nil)
	}
}

func (dr *draft) exists(site int, key, name string) {
	if _, err := os.Stat(name); err != nil {
		dr.report(site, key, fmt.Sprintf("%q: %q: %v", key, name, reason(err)), err)
	}
}

func (dr *draft) folderExists(site int, key, dir string) {
	if f := checkFolder(dir); f != nil {
		dr.report(site, key, fmt.Sprintf("%q: %s", key, f.Msg), f.Err)
	}
}

// logExists wants the folder of a log; the log itself may come to be.
func (dr *draft) logExists(site int, key, name string) {
	switch {
	case name == "-" || name == "off":
	case isDir(name):
		dr.report(site, key, fmt.Sprintf("%q: %q is a folder, not a file", key, name), nil)
	default:
		dr.parentExists(site, key, name)
	}
}

func (dr *draft) parentExists(site int, key, name string) {
	if dir := filepath.Dir(name); !isDir(dir) {
		dr.report(site, key, fmt.Sprintf("%q: the folder of %q does not exist; mkdir -p %s", key, name, dir), nil)
	}
}

// reason is the system's word for an error, without operation and path.
func reason(err error) error {
	var bad *fs.PathError
	if errors.As(err, &bad) {
		return bad.Err
	}
	return err
}
