<?php
// The application of the gateway suite for php-fpm; ?do= says what is asked for.
header('Content-Type: text/plain');
switch ($_GET['do'] ?? '') {
case 'env':
    foreach (['REQUEST_METHOD', 'QUERY_STRING', 'SCRIPT_NAME', 'PATH_INFO', 'REQUEST_URI', 'REMOTE_ADDR', 'SERVER_PROTOCOL', 'SERVER_NAME', 'HTTP_X_PROBE'] as $name) {
        echo $name, '=', $_SERVER[$name] ?? '(none)', "\n";
    }
    break;
case 'echo':
    usleep(1000 * (int)($_GET['ms'] ?? 0));
    echo 'echo ', $_GET['id'];
    break;
case 'form':
    echo 'name=', $_POST['name'];
    break;
case 'body':
    $body = file_get_contents('php://input');
    echo strlen($body), ' ', hash('sha256', $body);
    break;
case 'big':
    for ($i = 0; $i < 131072; $i++) { printf("%07d\n", $i); }
    break;
case 'status':
    http_response_code(418);
    echo 'tea';
    break;
case 'redirect':
    header('Location: https://other.test/there?x=1', true, 303);
    echo 'moved';
    break;
case 'cookies':
    header('Set-Cookie: a=1; Path=/');
    header('Set-Cookie: b=2; Path=/; HttpOnly', false);
    echo 'baked';
    break;
case 'pool':
    usleep(1000 * (int)($_GET['ms'] ?? 0));
    echo getenv('POOL');
    break;
case 'count':
    $f = fopen($_GET['file'], 'ab');
    flock($f, LOCK_EX);
    fwrite($f, $_GET['id'] . "\n");
    fclose($f);
    usleep(1000 * (int)($_GET['ms'] ?? 0));
    echo 'counted ', $_GET['id'];
    break;
}
