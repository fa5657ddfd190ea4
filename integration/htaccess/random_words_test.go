//go:build linux

package htaccess_test

// The words that random rule sets are made of.
var (
	randomPatterns = []string{
		"^foo$", "^foo/(.*)$", "^(.*)$", "^(.+)$", ".", "^$", "^([^/]+)/?$", "^([^/]*)/(.*)$", "!^foo", `\.(css|txt)$`,
		"^docs", "^sub/(.*)", "(?i)^FOO", "^(a|f|s)(.*)$", "^/?foo(/(b?)ar)?", `index\.php`, "^(foo|bar)/(?!x)",
		"([a-z]+)[^a-z]", "^r([0-9])/(.*)$", `!\.php$`, "^static", `^page\.php/(.*)`, `^(\w+)\W?\1`, "^[^.]+$", `(\d)`, "^q",
	}
	randomTargets = []string{
		"-", "-", "index.php", "index.php?p=$1", "/index.php/$1", "info.php?a=$1&b=$2", "$1.txt", "/$1", "docs/$2", "%1",
		"/sub/page.php/$0", "info.php?q=%1%2", "http://example.com/$1", "http://example.com/info.php?$1",
		"https://example.com/x", "http://o.test/$1", "//x/$1", "static.txt", "style.css?", "?x=1",
		"/info.php?%{QUERY_STRING}", "%{REQUEST_URI}x", "index.php?u=%{REQUEST_URI}&h=%{HTTP_HOST}&e=%{ENV:E1}",
		"%{DOCUMENT_ROOT}/index.php", "sub/", "a b", "#x", "foo/bar", "./$1", "docs",
	}
	randomFlags = []string{
		"L", "QSA", "R", "R=301", "NC", "NE", "B", "E=E1:$1", "E=E2:%1-%{REQUEST_METHOD}", "E=!E1", "END", "S=1", "S=2",
		"C", "PT", "QSD", "QSL", "DPI", "BNP", "F", "G", "R=404", "UnsafeAllow3F", "NS", "CO=c:$1:example.com",
		"T=text/plain", "B= ?", "BCTLS", "R=307",
	}
	randomConditions = []string{
		"%{REQUEST_FILENAME} !-f", "%{REQUEST_FILENAME} !-d", "%{REQUEST_FILENAME} -f", "%{REQUEST_URI} ^/(.*)o(.*)$",
		"%{QUERY_STRING} (a)=(.)", "%{QUERY_STRING} ^$", `%{HTTP_HOST} ^(www\.)?(.*)$`, "%{REQUEST_METHOD} ^(GET|HEAD)$",
		"%{ENV:REDIRECT_STATUS} ^$", "%{ENV:E1} .", `%{THE_REQUEST} \s/+(.*?)\s`, "$1 ^(b|f)(.*)",
		`%{HTTP:Accept} (\*)/(.)`, "%{HTTP_USER_AGENT} htaccess [NC]", "%{HTTPS} =off", `%{REQUEST_URI} !\.php`,
		"%{DOCUMENT_ROOT}/$1.html -f", "%{IS_SUBREQ} =false", "%{PATH_INFO} ^/(.*)",
		`%{REQUEST_URI}::$1 ^(.*/)([^:]*)::\2$`, "%{HTTP_REFERER} !^http://example", "%{REQUEST_URI} >/foo",
		"%{QUERY_STRING} -ge1", "%{HTTP:X-Forwarded-Proto} !https", "%{HTTP_COOKIE} a=(.)", `%{REQUEST_URI} ""`,
	}
	randomPaths = []string{
		"/", "/index.php", "/static.txt", "/docs", "/docs/", "/foo", "/foo/bar", "/foo/bar?a=b&c=d", "/a%20b.txt",
		"/a%20b%26c=d%2Bq", "/sub", "/sub/", "/sub/page.php/x/y", "/style.css?v=1", "/caf%C3%A9", "/foo.html",
		"/r1/x%20y?q=1%202", "/r2/a", "/r3/a%3Fb", "/emptydir/", "/x/../foo", "/static.txt/z", "/nofile.php",
		"/%7Efoo/%22q%22", "/foo%23bar", "/foo/", "/foo/bar/", "/page.html", "/foo?", "/foo?a=", "/r1/b", "/sub/page.php",
		"/sub/q?a=1&b=%20", "/docs/readme.txt", "/FOO", "/foo//bar", "/foo/..//bar", "/a+b", "/foo/%25", "/img/",
		"/a/b/c/d/e?x=y", "/sub/deep/", "/foo/bar.css", "/noext", "/f%C3%A9/x", "/q?1", "/page", "/foofoo",
	}
	randomExtras = []string{
		" | Host: www.example.com", " | Referer: http://example.com/a | Cookie: a=b", " | Accept: text/html",
		" | X-Forwarded-Proto: https", " | User-Agent: -", " | X-A: 1 | Accept-Encoding: gzip",
	}
)

// randomOthers are whole directives and sections.
var randomOthers = []string{
	"Redirect /foo /bar", "RedirectMatch 301 ^/r1/(.*) /z/$1", "DirectoryIndex info.php", "DirectorySlash Off",
	"ErrorDocument 404 /info.php?err", `ErrorDocument 403 "no"`, "SetEnvIf Request_URI (o+) E1=$1", "SetEnv E3 x",
	"FallbackResource /index.php", `Header set X-A "%{E1}e"`, "Header always set X-B b env=E1", "Header append Vary X",
	"ExpiresActive On\nExpiresDefault A5", "<Files \"static.txt\">\nRequire all denied\n</Files>",
	"<FilesMatch \"\\.css$\">\nForceType text/x\nHeader set X-C c\n</FilesMatch>", "RewriteBase /", "RewriteBase /sub",
	"AddType text/q .txt", "<If \"%{REQUEST_URI} =~ /foo/\">\nHeader set X-Test if\n</If>", "Options -Indexes",
	"SetEnvIf Host . E4", `RequestHeader set X-R "%{E1}e" env=E1`, "<Limit POST>\nRequire all denied\n</Limit>",
	"AcceptPathInfo On", "Order deny,allow\nDeny from env=E4",
	"<RequireAny>\nRequire env E1\nRequire expr %{REQUEST_URI} =~ m#^/[sif]#\n</RequireAny>",
	"<If \"-f %{REQUEST_FILENAME}\">\nHeader set X-C f\n<If \"%{QUERY_STRING} == 'v=1'\">\nRequire all denied\n</If>\n</If>\n" +
		"<ElseIf \"%{REQUEST_URI} =~ /(o+)/\">\nHeader always set X-A $1\n</ElseIf>\n<Else>\nErrorDocument 404 \"else\"\n</Else>",
	"RewriteOptions AllowNoSlash", `SetEnvIfExpr "%{REQUEST_URI} =~ m#/(.)o#" E1=$1 E5`,
	"Header edit Location ^http: X:", "Header always edit* Location o 0", "Redirect gone /docs", "ErrorDocument 404 /foo",
	`ErrorDocument 500 "five"`, "ErrorDocument 404 http://e.test/x", "DirectoryIndex disabled",
	"DirectoryIndex nope.php /info.php", "AddDefaultCharset utf-8", "AddCharset utf-8 .css .txt",
	"Header append Cache-Control public\nHeader merge Cache-Control public",
	"ExpiresActive On\nExpiresByType text/css \"modification plus 2 hours\"\nExpiresByType text/plain \"access plus 1 day 3 hours\"",
	"<FilesMatch \"^$\">\nHeader set X-B dir\n</FilesMatch>", "Options -FollowSymLinks", "SetEnv E1 set\nUnsetEnv E4",
	`RedirectMatch 404 \.(css|md)$`, "RedirectMatch ^/foo/?$ http://o.test/$0?a=b#c", "CGIPassAuth On", "UnsetEnv E1",
	"FileETag None", "Satisfy Any\nOrder allow,deny", "Options +Indexes", "IndexIgnore *.txt\nOptions +Indexes",
	"<LimitExcept GET POST>\nRequire all denied\n</LimitExcept>", "RequestHeader unset Accept",
	"Header set Set-Cookie a=b\nHeader edit Set-Cookie $ ;Secure", "<Files ~ \"^(foo|docs)$\">\nHeader always set X-A files\n</Files>",
	"RewriteOptions Inherit", "RewriteOptions InheritBefore", "AddEncoding x-gzip .gz", "Require method GET POST",
}
