//go:build linux

package integration

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
)

// dwVolatile is what DokuWiki says about the one request or its time.
var dwVolatile = regexp.MustCompile(`taskrunner\.php\?[^"]*|name="sectok" value="[^"]*"|"sectok":"[^"]*"|sectok=\w*|<dc:date>[^<]*|SIG="[^"]*"`)

func dwLikeApache(t *testing.T, w *wiki) {
	asks := wikiGets(
		"/", "/?id=gate", "/?do=index", "//", "/index.php", "/index.php?id=gate", "/index.php/gate", "/doku.php", "/doku.php?id=gate", "/doku.php/gate", "/doku.php/gate?id=gate", "/start",
		"/gate", "/gate/", "/gate//", "//gate", "/Gate", "/gate?do=revisions", "/gate?do=edit", "/gate?do=diff", "/gate?id=start", "/gate:north:lock_1", "/gate/north/lock_1", "/gate:north:", "/gate%3Anorth%3Alock_1",
		"/%E6%BC%A2%E5%AD%97", "/caf%C3%A9_cr%C3%A8me", "/caf%E9", "/cafe%20creme", "/cafe+creme", "/open%3F", "/open%3Fdo=index", "/open?", "/a%26do=index", "/a&do=index", "/a%2Bb", "/a%25b", "/a%b", "/a%23b", "/a=b", "/a;b", "/a%2Fb", "/a%5Cb", "/a%0Ab",
		"/a.css", "/x.php", "/none.php", "/none.php/x", "/no:such:page", "/start?do=login", "/start?do=admin", "/start?do=recent", "/start?do=index&idx=gate", "/start?do=search&q=gate", "/start?do=media&ns=gate", "/start?do=register",
		"/_media/gate:noon_ue.png", "/_media/gate/noon_ue.png", "/_media/gate:noon_ue.png?w=50&tok=wrong", "/_media/none.png", "/_media/", "/_media", "/_media/gate:noon_ue.png%3Fw=5", "/_media/../gate", "/_detail/gate:noon_ue.png", "/_detail/none.png?id=gate",
		"/_export/raw/gate", "/_export/xhtml/gate", "/_export/xhtmlbody/gate", "/_export/raw/no", "/_export/raw", "/_export/raw/", "/_export/raw/gate:north:lock_1", "/_export/odd%26do=index/gate",
		"/lib", "/lib/", "/lib/exe/", "/lib/exe/css.php?t=dokuwiki", "/lib/exe/js.php?t=dokuwiki", "/lib/exe/jquery.php", "/lib/exe/ajax.php", "/lib/exe/none.php", "/lib/exe/opensearch.php", "/lib/exe/manifest.php", "/lib/exe/xmlrpc.php", "/lib/exe/fetch.php?media=gate:noon_ue.png", "/lib/exe/fetch.php/gate:noon_ue.png",
		"/lib/images/license/button/cc-by-sa.png", "/lib/images/email.svg", "/lib/tpl/dokuwiki/images/favicon.ico", "/lib/tpl/dokuwiki/css/basic.less", "/lib/scripts/page.js", "/lib/plugins/styling/README", "/lib/images/none.png", "/lib/tpl/dokuwiki/lang/en/style.txt",
		"/feed.php?mode=list", "/data", "/data/", "/data/pages/gate.txt", "/data/media/gate/noon_ue.png", "/data/none", "/conf/", "/conf/local.php", "/inc/", "/inc/init.php", "/bin/dwpage.php", "/vendor/", "/VERSION", "/README", "/.htaccess", "/.htaccess.dist", "/_ht", "/.git", "/.git/config", "/lib/.git/x", "/.gitignore", "/%2egit/config", "/COPYING/x", "/gate/README",
	)
	asks = append(asks,
		wikiAsk{method: "HEAD", target: "/gate"}, wikiAsk{method: "HEAD", target: "/_media/gate:noon_ue.png"}, wikiAsk{method: "HEAD", target: "/data/pages/gate.txt"}, wikiAsk{method: "OPTIONS", target: "/gate"},
		wikiAsk{method: "POST", target: "/gate", body: "do=recent"}, wikiAsk{method: "POST", target: "/lib/exe/ajax.php", body: "call=linkwiz&q=gat"}, wikiAsk{method: "POST", target: "/inc/init.php", body: "a=1"},
		wikiAsk{method: "PUT", target: "/gate", body: "x"}, wikiAsk{method: "DELETE", target: "/data/pages/gate.txt"},
		wikiAsk{method: "GET", target: "/_media/gate:noon_ue.png", lines: []string{"Range: bytes=0-9"}}, wikiAsk{method: "GET", target: "/_media/gate:noon_ue.png", lines: []string{"Range: bytes=0-9,20-29"}},
		wikiAsk{method: "GET", target: "/_media/gate:noon_ue.png", lines: []string{"Range: bytes=999999-"}}, wikiAsk{method: "GET", target: "/_media/gate:noon_ue.png", lines: []string{"If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT"}},
		wikiAsk{method: "GET", target: "/gate", lines: []string{"Authorization: Basic a2VlcGVyOng=", "Referer: http://other.test/?q=gate", "Accept-Language: de"}},
	)
	// The name of DokuWiki's cookie has the port in it, its key for the sticky one no session.
	login := wikiAsk{method: "POST", target: "/start", body: url.Values{"do": {"login"}, "u": {"keeper"}, "p": {wikiPassword}, "r": {"1"}}.Encode()}.of(t, w.like)
	cookies := (&http.Response{Header: login.header}).Cookies()
	asks = append(asks, w.asKeeper(t, cookies, "The Keeper", wikiGets(
		"/gate", "/gate?do=edit", "/start?do=admin", "/start?do=admin&page=usermanager", "/start?do=profile", "/start?do=media&ns=gate", "/none?do=edit", "/lib/exe/mediamanager.php?ns=gate",
	))...)
	w.likeApache(t, dwVolatile, asks)
}
