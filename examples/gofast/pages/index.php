<?php

declare(strict_types=1);
?>
<!DOCTYPE html>
<html lang="en">
<title>PHP in a Go program</title>
<h1>Hello, everybody</h1>
<p>This is <?= htmlspecialchars($_SERVER['REQUEST_URI']) ?>, by PHP <?= PHP_MAJOR_VERSION ?>. <a href="/members/">For members</a></p>
</html>
