
# Appended to what MediaWiki's installer writes.
$wgServer = 'http://' . ( $_SERVER['HTTP_HOST'] ?? 'wiki.test' );
$wgArticlePath = '/wiki/$1';
$wgEnableUploads = true;
$wgUseImageMagick = false;
$wgGenerateThumbnailOnParse = false;
$wgEnableEmail = false;
$wgPhpCli = false;
$wgFavicon = '/resources/assets/mediawiki.png';
$wgShowExceptionDetails = true;
