<?php

declare(strict_types=1);

// Set by the middleware in Go, never by a client.
$member = $_SERVER['REMOTE_USER'] ?? null;
if ($member === null) {
    header('WWW-Authenticate: Basic realm="members"');
    http_response_code(401);
    echo 'Members only.';
    exit;
}
?>
<!DOCTYPE html>
<html lang="en">
<title>Members</title>
<h1>Hello, <?= htmlspecialchars($member) ?></h1>
<p>You sent <?= strlen(file_get_contents('php://input')) ?> letters by <?= htmlspecialchars($_SERVER['REQUEST_METHOD']) ?>.</p>
</html>
