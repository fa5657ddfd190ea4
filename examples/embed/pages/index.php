<?php

declare(strict_types=1);

// What the program around this page has found out about the visitor.
$visitor = $_SERVER['HTTP_X_VISITOR'] ?? 'nobody';
$text = $_SERVER['REQUEST_METHOD'] === 'POST' ? (string) ($_POST['text'] ?? '') : '';

header('X-Secret: for the program only');
?>
<!DOCTYPE html>
<html lang="en">
<title>PHP in a Go program</title>
<link rel="stylesheet" href="style.css">
<h1>Hello, <?= htmlspecialchars($visitor) ?></h1>
<p>This is <?= htmlspecialchars($_SERVER['REQUEST_URI']) ?>, by PHP <?= PHP_MAJOR_VERSION ?>.</p>
<?php if ($text !== '') { ?>
<p>You wrote <?= strlen($text) ?> letters: <?= htmlspecialchars($text) ?></p>
<?php } ?>
<form method="post"><input name="text" aria-label="Text"><button>Send</button></form>
</html>
