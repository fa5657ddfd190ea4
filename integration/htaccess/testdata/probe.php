<?php
// Tells what PHP was given. The answer's header names the script, so that
// Header directives can be seen to leave other headers alone.
$server = $_SERVER;
unset($server['argv'], $server['argc']);
if (isset($_GET['__status'])) {
    http_response_code((int)$_GET['__status']);
}
if (isset($_GET['__header'])) {
    foreach ((array)$_GET['__header'] as $line) {
        header($line, false);
    }
}
header('Content-Type: ' . ($_GET['__type'] ?? 'application/json'));
header('X-Probe: ' . basename(__FILE__));
echo json_encode([
    'probe' => __FILE__,
    'cwd' => getcwd(),
    'body' => strlen(file_get_contents('php://input')),
    'server' => $server,
    'get' => $_GET,
    'cookie' => $_COOKIE,
    'memory_limit' => isset($_GET['__ini']) ? ini_get('memory_limit') : null,
], JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES), "\n";
