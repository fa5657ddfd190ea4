<?php

declare(strict_types=1);

/*
 * The guestbook: what a newcomer sees first. It writes to and reads from an
 * SQLite file, so that PHP is really seen working.
 *
 * The file lies outside of the document root, in the system's folder for
 * temporary files, or where GUESTBOOK_DATA says: a database that no address
 * leads to cannot be downloaded, whatever the server's settings.
 */

const NAME_MAX = 40;       // characters
const MESSAGE_MAX = 500;   // characters
const ENTRIES_SHOWN = 50;

function data_folder(): string
{
    $folder = getenv('GUESTBOOK_DATA');
    if ($folder === false || $folder === '') {
        // One folder per copy of the site and per user who runs it.
        $user = function_exists('posix_geteuid') ? posix_geteuid() : get_current_user();
        $folder = sys_get_temp_dir() . "/sluice-guestbook-$user-" . substr(sha1(__DIR__), 0, 12);
    }
    if (!is_dir($folder) && !@mkdir($folder, 0700, true) && !is_dir($folder)) {
        throw new RuntimeException("cannot create the folder $folder");
    }
    // Somebody else may have made it first, in a folder all can write to.
    if (is_link($folder) || (function_exists('posix_geteuid') && fileowner($folder) !== posix_geteuid())) {
        throw new RuntimeException("the folder $folder belongs to someone else");
    }
    return $folder;
}

function database(): PDO
{
    $db = new PDO('sqlite:' . data_folder() . '/guestbook.sqlite', null, null, [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        PDO::ATTR_TIMEOUT => 5,
    ]);
    $db->exec('PRAGMA journal_mode = WAL');
    $db->exec('CREATE TABLE IF NOT EXISTS entry (
        id      INTEGER PRIMARY KEY,
        name    TEXT NOT NULL,
        message TEXT NOT NULL,
        written INTEGER NOT NULL
    )');
    return $db;
}

function text(string $s): string
{
    return htmlspecialchars($s, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

/** The number of characters, or null if the text is not UTF-8. */
function characters(string $s): ?int
{
    $n = preg_match_all('/./su', $s);
    return $n === false ? null : $n;
}

/** A form field with plain line ends, trimmed; an array is no text. */
function field(string $name): string
{
    $value = $_POST[$name] ?? '';
    return is_string($value) ? trim(str_replace("\r\n", "\n", $value)) : '';
}

/** @return list<string> what is wrong with an entry */
function faults(string $name, string $message): array
{
    $faults = [];
    $names = characters($name);
    $messages = characters($message);
    if ($names === null || $messages === null) {
        return ['The text is not UTF-8.'];
    }
    if ($names === 0 || $names > NAME_MAX) {
        $faults[] = 'Please give a name of at most ' . NAME_MAX . ' characters.';
    }
    if ($messages === 0 || $messages > MESSAGE_MAX) {
        $faults[] = 'Please write a message of at most ' . MESSAGE_MAX . ' characters.';
    }
    return $faults;
}

/** A form on another site must not write here: the browser says where it comes from. */
function same_origin(): bool
{
    $origin = $_SERVER['HTTP_ORIGIN'] ?? '';
    if ($origin === '' || $origin === 'null') {
        return $origin === '';
    }
    $host = parse_url($origin, PHP_URL_HOST);
    $port = parse_url($origin, PHP_URL_PORT);
    return is_string($host) && strcasecmp($host . ($port ? ":$port" : ''), $_SERVER['HTTP_HOST'] ?? '') === 0;
}

$faults = [];
$name = $message = '';
$entries = [];
$total = 0;
$broken = null;
$method = $_SERVER['REQUEST_METHOD'] ?? 'GET';

try {
    $db = database();
    if ($method === 'POST') {
        $name = field('name');
        $message = field('message');
        $faults = same_origin() ? faults($name, $message) : ['This form was sent from another site.'];
        if ($faults === []) {
            $insert = $db->prepare('INSERT INTO entry (name, message, written) VALUES (?, ?, ?)');
            $insert->execute([$name, $message, time()]);
            // Reloading the page must not write the entry again.
            header('Location: ' . strtok($_SERVER['REQUEST_URI'] ?? '/', '?') . '#entries', true, 303);
            exit;
        }
        http_response_code(422);
    }
    $select = $db->prepare('SELECT name, message, written FROM entry ORDER BY id DESC LIMIT ?');
    $select->bindValue(1, ENTRIES_SHOWN, PDO::PARAM_INT);
    $select->execute();
    $entries = $select->fetchAll();
    $total = (int) $db->query('SELECT count(*) FROM entry')->fetchColumn();
} catch (Throwable $e) {
    error_log('guestbook: ' . $e->getMessage());
    http_response_code(500);
    $broken = extension_loaded('pdo_sqlite')
        ? 'The guestbook cannot reach its database. The server’s log says why.'
        : 'PHP lacks its SQLite extension. On Debian: apt install php-sqlite3';
}

header('Content-Type: text/html; charset=utf-8');
header('Cache-Control: no-store');
header("Content-Security-Policy: default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'");
header('X-Content-Type-Options: nosniff');
if ($method === 'HEAD') {
    exit;
}

$facts = [
    'PHP' => PHP_VERSION,
    'SAPI' => PHP_SAPI,
    'Server' => $_SERVER['SERVER_SOFTWARE'] ?? 'unknown',
    'Protocol' => $_SERVER['SERVER_PROTOCOL'] ?? 'unknown',
    'SQLite' => extension_loaded('sqlite3') ? SQLite3::version()['versionString'] : 'missing',
    'Worker' => 'process ' . getmypid(),
];
?>
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Guestbook · sluice</title>
  <link rel="stylesheet" href="style.css">
</head>
<body>
  <header>
    <h1>It works.</h1>
    <p>This page is PHP, served by <strong>sluice</strong>. Whatever you write below goes into an SQLite database and comes back.</p>
  </header>

  <main>
    <section class="card" aria-labelledby="write">
      <h2 id="write">Sign the guestbook</h2>
<?php if ($broken !== null): ?>
      <p class="fault" role="alert"><?= text($broken) ?></p>
<?php endif ?>
<?php foreach ($faults as $fault): ?>
      <p class="fault" role="alert"><?= text($fault) ?></p>
<?php endforeach ?>
      <form method="post">
        <label for="name">Name</label>
        <input id="name" name="name" required maxlength="<?= NAME_MAX ?>" autocomplete="name" value="<?= text($name) ?>">
        <label for="message">Message</label>
        <textarea id="message" name="message" required maxlength="<?= MESSAGE_MAX ?>" rows="4"><?= text($message) ?></textarea>
        <button>Sign</button>
      </form>
    </section>

    <section class="card" id="entries" aria-labelledby="read">
      <h2 id="read"><?= $total === 1 ? '1 entry' : $total . ' entries' ?></h2>
<?php if ($entries === []): ?>
      <p class="empty">Nobody has signed yet. Be the first.</p>
<?php endif ?>
<?php foreach ($entries as $entry): ?>
      <article>
        <h3><?= text($entry['name']) ?></h3>
        <time datetime="<?= gmdate('c', (int) $entry['written']) ?>"><?= gmdate('j M Y, H:i', (int) $entry['written']) ?> UTC</time>
        <p><?= nl2br(text($entry['message'])) ?></p>
      </article>
<?php endforeach ?>
<?php if ($total > count($entries)): ?>
      <p class="empty">The latest <?= count($entries) ?> are shown.</p>
<?php endif ?>
    </section>
  </main>

  <footer>
    <dl>
<?php foreach ($facts as $what => $is): ?>
      <div><dt><?= text($what) ?></dt><dd><?= text($is) ?></dd></div>
<?php endforeach ?>
    </dl>
  </footer>
</body>
</html>
