//go:build unix

package session

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/yookoala/gofast"
)

const fpmConf = `[global]
error_log = %[1]s/log
daemonize = no
[www]
listen = %[1]s/s
pm = static
pm.max_children = %[2]d
`

// fpmScripts are what the tests ask for.
var fpmScripts = map[string]string{
	"hello.php": `<?php header('Content-Type: text/plain'); echo "hello world\n";`,
	"echo.php":  `<?php header('Content-Type: text/plain'); header('X-Length: ' . ($_SERVER['CONTENT_LENGTH'] ?? '')); echo $_SERVER['REQUEST_METHOD'], ' ', $_SERVER['QUERY_STRING'], ' ', $_COOKIE['b'] ?? '', ':', md5(file_get_contents('php://input'));`,
	"big.php":   `<?php header('Content-Type: text/plain'); for ($i = 0; $i < 200; $i++) echo str_repeat('x', 16384); error_log('said it');`,
	"evil.jpg":  `<?php echo 'ran';`,
}

// startFPM answers the folder of a php-fpm's scripts and socket ("s").
func startFPM(t testing.TB, children int) string {
	t.Helper()
	list, err := filepath.Glob("/usr/sbin/php-fpm*")
	if err != nil || len(list) == 0 {
		t.Skip("no php-fpm")
	}
	dir, err := os.MkdirTemp("", "ss") //nolint:usetesting // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	conf := fmt.Sprintf(fpmConf, dir, children)
	args := []string{"-y", filepath.Join(dir, "conf"), "-F"}
	if os.Getuid() == 0 {
		conf += "user = root\ngroup = root\n"
		args = append(args, "-R")
	}
	for name, text := range fpmScripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(list[0], args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "s")); err == nil {
			return dir
		}
		if time.Now().After(end) {
			t.Fatal("php-fpm does not start")
		}
	}
}

// gofast's own session for PHP, unchanged but for the factory.
func TestPHP(t *testing.T) {
	dir := startFPM(t, 4)
	tr := transport(t, filepath.Join(dir, "s"), func(o *Options) { o.Guard = Guard{Root: dir, Extensions: []string{".php"}} })
	ways(t, tr, gofast.NewPHPFS(dir)(gofast.BasicSession), func(t *testing.T, url string) {
		if res, body := get(t, url+"/hello.php"); res.StatusCode != 200 || body != "hello world\n" {
			t.Errorf("%d %q", res.StatusCode, body)
		}
		if res, body := get(t, url+"/big.php"); res.StatusCode != 200 || len(body) != 200*16384 {
			t.Errorf("%d, %d octets", res.StatusCode, len(body))
		}
		for path, status := range map[string]int{"/none.php": 404, "/evil.jpg": 403, "/evil.jpg/x.php": 404} {
			if res, body := get(t, url+path); res.StatusCode != status || strings.Contains(body, "ran") {
				t.Errorf("%s: %d %q", path, res.StatusCode, body)
			}
		}
		req, _ := http.NewRequest("POST", url+"/echo.php?q", io.MultiReader(strings.NewReader("some content"))) // chunked
		req.Header["Cookie"] = []string{"a=1", "b=2"}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if string(b) != "POST q 2:9893532233caff98cd083a116b013c0b" || res.Header.Get("X-Length") != "12" {
			t.Errorf("%q, length %q", b, res.Header.Get("X-Length"))
		}
	})
}
