//go:build linux

package integration

import (
	"net/url"
	"path/filepath"
	"testing"
)

// faultScripts are the scripts that the faults and memory suites ask for.
// "mark" is a folder outside the document root through which a script and its
// test tell each other where they are, so that no test depends on timing.
var faultScripts = map[string]string{
	"pid.php":   `<?php echo getmypid();`,
	"hello.php": `<?php echo "hello";`,
	"sleep.php": `<?php
file_put_contents($_GET['mark'] . '/pid.' . ($_GET['id'] ?? '0'), getmypid());
for ($end = microtime(true) + (float)$_GET['s']; microtime(true) < $end;) { usleep(20000); }
echo "slept ", getmypid();`,
	"spin.php": `<?php
set_time_limit(0); ignore_user_abort(true);
file_put_contents($_GET['mark'] . '/pid.spin', getmypid());
while (true) { $x = 1; }`,
	// A shutdown function runs on after the limit has ended its script.
	"stubborn.php": `<?php
file_put_contents($_GET['mark'] . '/pid.stubborn', getmypid());
register_shutdown_function(function () { set_time_limit(0); while (true) { usleep(100000); } });
while (true) { usleep(100000); }`,
	"chatty.php": `<?php
while (ob_get_level()) { ob_end_flush(); }
file_put_contents($_GET['mark'] . '/pid.chatty', getmypid());
header('X-Accel-Buffering: no');
for ($i = 0; $i < 1200; $i++) { echo str_repeat('.', 1000), "\n"; flush(); usleep(50000); }`,
	"echo.php": `<?php
$in = fopen('php://input', 'rb'); $n = 0; $md5 = hash_init('md5');
while (($piece = fread($in, 65536)) !== false && $piece !== '') { $n += strlen($piece); hash_update($md5, $piece); }
echo $n, ' ', hash_final($md5);`,
	"big.php": `<?php
$piece = ''; for ($i = 0; $i < 65536; $i++) { $piece .= chr(($i * 7 + ($i >> 8)) & 255); }
for ($i = 0; $i < 16 * (int)$_GET['mib']; $i++) { echo $piece; }
flush();
file_put_contents($_GET['mark'] . '/finished', memory_get_peak_usage(true));`,
	"count.php": `<?php
$f = fopen($_GET['mark'] . '/count', 'ab'); flock($f, LOCK_EX); fwrite($f, $_GET['id'] . ' ' . getmypid() . "\n"); fclose($f);
echo $_GET['id'], ' ', strlen(file_get_contents('php://input'));`,
	"stream.php": `<?php
while (ob_get_level()) { ob_end_flush(); }
if ($_GET['how'] === 'accel') { header('X-Accel-Buffering: no'); }
if ($_GET['how'] === 'events') { header('Content-Type: text/event-stream'); }
for ($i = 0; $i < 4; $i++) {
    echo "data: piece $i\n\n"; flush();
    for ($wait = 0; $wait < 500 && !file_exists($_GET['mark'] . "/go.$i"); $wait++) { usleep(20000); clearstatcache(); }
}
echo "end\n";`,
	"die.php": `<?php echo "before"; flush(); posix_kill(getmypid(), 9);`,
	"head.php": `<?php
switch ($_GET['how']) {
case 'status':   http_response_code(418); echo 'tea'; break;
case 'cookies':  setcookie('a', '1'); setcookie('b', '2'); header('X-Many: 1'); header('X-Many: 2', false); echo 'ok'; break;
case 'redirect': header('Location: /elsewhere?x=1'); break;
case 'absolute': header('Location: https://other.test/x'); break;
case 'seeother': header('Location: /there', true, 303); echo 'moved'; break;
case 'empty':    http_response_code(204); break;
case 'fresh':    http_response_code(304); header('ETag: "v1"'); break;
case 'type':     header('Content-Type: application/vnd.sluice+json; charset=utf-8'); echo '{}'; break;
case 'length':   header('Content-Length: 5'); echo 'exact'; break;
case 'error':    error_log('a line for the log'); http_response_code(500); echo 'sorry'; break;
case 'nothing':  break;
}`,
}

// faultSite is a document root with the scripts, and the folder of the marks.
func faultSite(t testing.TB) (st site, mark string) {
	t.Helper()
	dir := workDir(t)
	root := filepath.Join(dir, "www")
	for name, text := range faultScripts {
		writeFile(t, filepath.Join(root, name), text)
	}
	writeFile(t, filepath.Join(root, "static.txt"), "static\n")
	return site{root: root}, makeDir(t, filepath.Join(dir, "mark"))
}

// at is a script's address with its parameters, pairs of name and value.
func at(script, mark string, pairs ...string) string {
	q := url.Values{"mark": {mark}}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "/" + script + "?" + q.Encode()
}
