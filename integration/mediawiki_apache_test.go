//go:build linux

package integration

import (
	"net/url"
	"os/exec"
	"regexp"
	"testing"
)

// mwVolatile is what MediaWiki says about the one request or its time.
var mwVolatile = regexp.MustCompile(`value="\d{10}" name="LanguageRequestTime"|"wgRequestId":"[^"]*"|"wgBackendResponseTime":\d+|(?s)<!--\s*NewPP limit report.*?-->` +
	`|(?s)<!--\s*Transclusion expansion.*?-->|(?s)<!-- Saved in (?:parser|Revision).*?-->|"wgPageParseReport":\{.*?\}\}` +
	`|[0-9a-f]{40,}\+\\|\d{14}|\d\d:\d\d(?::\d\d)?(?:, \d+ \w+ \d{4})?`)

func mwLikeApache(t *testing.T, w *wiki) {
	// What MediaWiki puts off would change a page between two requests.
	jobs := exec.Command(tool(t, "php", "php[0-9]*.[0-9]*"), "maintenance/runJobs.php")
	jobs.Dir = w.site.root
	if out, err := jobs.CombinedOutput(); err != nil {
		t.Fatalf("integration: mediawiki's jobs: %v\n%s", err, out)
	}
	asks := wikiGets(
		"/", "/?x=1", "//", "/index.php", "/index.php/Gate", "/index.php?title=Gate", "/index.php?title=Gate&action=raw", "/index.php?title=Gate&action=info",
		"/wiki", "/wiki/", "/wiki//", "/wiki/Gate", "/wiki//Gate", "/wiki/Gate/", "/wiki/gate", "/wiki/Gate?action=history", "/wiki/Gate?action=raw&ctype=text/css", "/wikis", "/Wiki/Gate",
		"/wiki/Gate/North/Lock_1", "/wiki/Gate%2FNorth%2FLock_1", "/wiki/Open%3F", "/wiki/Open?", "/wiki/Open?action=view", "/wiki/C++_%26_more", "/wiki/C%2B%2B_&_more",
		"/wiki/Caf%C3%A9_%E6%BC%A2%E5%AD%97", "/wiki/Caf%E9", "/wiki/100_%25_full;_a%3Db", "/wiki/100%", "/wiki/A.css", "/wiki/Index.php", "/wiki/Dots...", "/wiki/../Gate", "/wiki/./Gate",
		"/wiki/Special:Version", "/wiki/Special:RecentChanges", "/wiki/Special:AllPages", "/wiki/Special:MyPage", "/wiki/No_such_page", "/wiki/Talk:Gate", "/wiki/File:Gate_50%25%26_%C3%BC.png",
		"/api.php?action=query&meta=siteinfo&format=json", "/api.php?action=nothing&format=json", "/api.php/x", "/rest.php/v1/page/Gate", "/rest.php/v1/page/No", "/rest.php", "/opensearch_desc.php", "/load.php", "/load.php?modules=startup&only=scripts&raw=1&skin=vector",
		"/load.php?lang=en&modules=site.styles&only=styles&skin=vector", "/thumb.php", "/thumb.php?f=Gate_50%25%26_%C3%BC.png&width=60", "/img_auth.php/x.png",
		"/mw-config/", "/mw-config/index.php", "/mw-config", "/composer.json", "/autoload.php", "/LocalSettings.php", "/resources", "/resources/", "/resources/assets/mediawiki.png",
		"/resources/lib/jquery/jquery.js", "/skins/Vector/skin.json", "/skins/README", "/includes", "/includes/", "/includes/Setup.php", "/maintenance/install.php", "/languages/i18n/en.json", "/vendor/autoload.php",
		"/images", "/images/", "/images/x.png", "/images/.htaccess", "/.htaccess", "/images/thumb/a/ab/No.png/90px-No.png", "/images/thumb/a/ab/", "/extensions/", "/nothing", "/nothing.php", "/index.php%00", "/wiki/%00",
	)
	asks = append(asks,
		wikiAsk{method: "HEAD", target: "/wiki/Gate"}, wikiAsk{method: "HEAD", target: "/resources/assets/mediawiki.png"}, wikiAsk{method: "OPTIONS", target: "/wiki/Gate"},
		wikiAsk{method: "POST", target: "/wiki/Gate", body: "action=raw"}, wikiAsk{method: "POST", target: "/api.php", body: "action=query&titles=Gate&prop=revisions&rvprop=content&rvslots=main&format=json"},
		wikiAsk{method: "POST", target: "/includes/Setup.php", body: "a=1"}, wikiAsk{method: "PUT", target: "/wiki/Gate", body: "x"},
		wikiAsk{method: "GET", target: "/resources/assets/mediawiki.png", lines: []string{"Range: bytes=0-9"}},
		wikiAsk{method: "GET", target: "/wiki/Gate", lines: []string{"X-Forwarded-Proto: https", "Accept-Language: de", "Authorization: Basic a2VlcGVyOng="}},
		wikiAsk{method: "GET", target: "/wiki/Special:UserLogin", lines: []string{"Cookie: wikiUserName=Keeper"}},
	)
	at, err := url.Parse(w.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	asks = append(asks, w.asKeeper(t, w.agent.c.Jar.Cookies(at), `"wgUserName":"Keeper"`, wikiGets(
		"/wiki/Gate", "/wiki/Special:Preferences", "/wiki/Special:Upload", "/wiki/Special:Watchlist", "/wiki/No_such_page", "/index.php?title=Gate&action=edit",
		"/index.php?title=Gate&action=delete", "/api.php?action=query&meta=userinfo&format=json", "/wiki/Special:MyPage",
	))...)
	w.likeApache(t, mwVolatile, asks)
}
