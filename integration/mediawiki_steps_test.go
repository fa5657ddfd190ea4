//go:build linux

package integration

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func mwFirstVisit(t *testing.T, w *wiki) {
	p := w.agent.get("/").want(t, 200, "MediaWiki has been installed.", "Sluice &amp; friends")
	if !strings.HasSuffix(p.url, "/wiki/Main_Page") {
		t.Errorf("the front page led to %s, want /wiki/Main_Page", p.url)
	}
}

func mwLogin(t *testing.T, w *wiki) {
	form := func(password string) url.Values {
		p := w.agent.get("/wiki/Special:UserLogin").want(t, 200, `name="wpPassword"`)
		v := p.hidden(t, `name="userlogin"`)
		v.Set("wpName", "Keeper")
		v.Set("wpPassword", password)
		v.Set("wploginattempt", "Log in")
		return v
	}
	w.agent.post("/wiki/Special:UserLogin", form("wrong")).want(t, 200, "Incorrect username or password")
	w.agent.post("/wiki/Special:UserLogin", form(wikiPassword)).want(t, 200, `"wgUserName":"Keeper"`)
	w.agent.get("/wiki/Main_Page").want(t, 200, `"wgUserName":"Keeper"`)
}

// mwSave writes a page as the editor's form does and returns what is shown then.
func (w *wiki) mwSave(t *testing.T, title, text, summary string) page {
	t.Helper()
	query := url.Values{"title": {title}, "action": {"edit"}}
	v := w.agent.get("/index.php?"+query.Encode()).want(t, 200, `name="wpTextbox1"`).hidden(t, `name="editform"`)
	v.Set("wpTextbox1", text)
	v.Set("wpSummary", summary)
	v.Set("wpSave", "Save page")
	query.Set("action", "submit")
	return w.agent.post("/index.php?"+query.Encode(), v)
}

func mwEdit(t *testing.T, w *wiki) {
	p := w.mwSave(t, "Gate", "The '''gate''' is shut.\n\n== Level ==\nLow ünï 漢字 & <nowiki><b></nowiki>.", "a first look")
	p.want(t, 200, "The <b>gate</b> is shut.", `id="Level"`, "Low ünï 漢字 &amp; &lt;b&gt;.")
	if !strings.HasSuffix(p.url, "/wiki/Gate") {
		t.Errorf("saving led to %s, want /wiki/Gate", p.url)
	}
	w.mwSave(t, "Gate", "The '''gate''' is open.", "it rains").want(t, 200, "The <b>gate</b> is open.")
	guest := newAgent(t, w.server)
	guest.get("/wiki/Gate").want(t, 200, "The <b>gate</b> is open.", `"wgUserName":null`)
	h := guest.get("/index.php?title=Gate&action=history").want(t, 200, "a first look", "it rains", "Revision history")
	first := h.find(t, `(?s).*href="(/index\.php\?title=Gate&amp;oldid=\d+)"`) // the list ends with the oldest
	guest.get(first).want(t, 200, "The <b>gate</b> is shut.")
	guest.get("/index.php?title=Gate&action=raw").want(t, 200, "The '''gate''' is open.")
	diff := guest.get("/index.php?title=Gate&diff=cur&oldid=" + first[strings.LastIndexByte(first, '=')+1:])
	diff.want(t, 200, `<del class="diffchange diffchange-inline">shut`, `<ins class="diffchange diffchange-inline">open`)
}

// mwNames are page names that URLs, rewriting and forms have to carry unharmed:
// the name, its path below /wiki/, and other spellings of that path.
var mwTitles = []struct {
	title, path string
	also        []string
}{
	{"Café 漢字", "Caf%C3%A9_%E6%BC%A2%E5%AD%97", []string{"Caf%c3%a9_%e6%bc%a2%e5%ad%97", "Café_漢字", "Caf%C3%A9%20%E6%BC%A2%E5%AD%97"}},
	{"Gate/North/Lock 1", "Gate/North/Lock_1", []string{"Gate/North/Lock%201"}},
	{"Open?", "Open%3F", []string{"Open%3f?action=view", "Open%3F?x=1&y=2"}},
	{"C++ & more", "C%2B%2B_%26_more", []string{"C++_&_more", "C++_%26_more", "C%2B+_&_more"}},
	{"100 % full; a=b", "100_%25_full;_a%3Db", []string{"100_%25_full%3B_a=b"}},
	{`Say "so" (it's) ~$!*@,`, `Say_%22so%22_(it%27s)_~$!*@,`, []string{"Say_%22so%22_%28it's%29_%7E%24%21%2A%40%2C"}},
	{"Index.php", "Index.php", nil},
	{"A.css", "A.css", []string{"A%2Ecss"}},
	{"Dots...", "Dots...", nil},
}

func mwNames(t *testing.T, w *wiki) {
	guest := newAgent(t, w.server)
	for _, name := range mwTitles {
		text := "The page of [[" + name.title + "]] and [[Gate]]."
		p := w.mwSave(t, name.title, text, "").want(t, 200)
		if got := p.wgTitle(t); got != name.title {
			t.Errorf("%q was saved as %q (%s)", name.title, got, p.url)
		}
		for _, spelling := range append([]string{name.path}, name.also...) {
			p := guest.get("/wiki/" + spelling)
			if p.status != 200 || p.wgTitle(t) != name.title || !strings.Contains(p.body, `class="mw-selflink selflink"`) {
				t.Errorf("/wiki/%s: status %d, page %q, want %q", spelling, p.status, p.wgTitle(t), name.title)
			}
		}
	}
}

// wgTitle is the page's name as MediaWiki tells its scripts.
func (p page) wgTitle(t testing.TB) string {
	t.Helper()
	var title string
	if err := json.Unmarshal([]byte(p.find(t, `"wgTitle":("(?:[^"\\]|\\.)*")`)), &title); err != nil {
		t.Fatal(err)
	}
	return title
}

func mwMissing(t *testing.T, w *wiki) {
	newAgent(t, w.server).get("/wiki/No_such_page").want(t, 404, "There is currently no text in this page.")
	p := w.agent.get("/wiki/No_such_page").want(t, 404, "There is currently no text in this page.")
	link := p.find(t, `href="(?:http://[^/"]*)?(/index\.php\?title=No_such_page&amp;action=edit[^"]*)"`)
	w.agent.get(link).want(t, 200, `name="wpTextbox1"`)
}

func mwUpload(t *testing.T, w *wiki) {
	picture := wikiPicture(t)
	fields := map[string]string{}
	form := w.agent.get("/wiki/Special:Upload").want(t, 200, `name="wpUploadFile"`).hidden(t, `id="mw-upload-form"`)
	for key := range form {
		fields[key] = form.Get(key)
	}
	fields["wpDestFile"], fields["wpUploadDescription"] = "Gate 50%& ü.png", "The gate at noon."
	fields["wpUpload"] = "Upload file"
	contentType, body := multipartBody(t, fields, upload{"wpUploadFile", "gate.png", "image/png", picture})
	p := w.agent.do("POST", "/wiki/Special:Upload", contentType, bytes.NewReader(body))
	p.want(t, 200, "The gate at noon.", "400 × 300 pixels")
	original := p.find(t, `class="fullImageLink"[^>]*><a href="([^"]+)"`)
	guest := newAgent(t, w.server)
	got := guest.get(original)
	got.wantPNG(t, 400)
	if got.body != string(picture) {
		t.Errorf("%s: %d bytes, uploaded were %d others", original, len(got.body), len(picture))
	}
	if part := guest.get(original, "Range: bytes=1-3"); part.status != http.StatusPartialContent || part.body != "PNG" {
		t.Errorf("%s: a range gave %d %q", original, part.status, excerpt(part.body))
	}

	p = w.mwSave(t, "Pictures", "[[File:Gate 50%& ü.png|thumb|120px|At noon]]", "").want(t, 200, "At noon")
	thumb := p.find(t, `src="(/images/thumb/[^"]*/120px-[^"]*)"`)
	guest.get(thumb).wantPNG(t, 120) // made by thumb.php
	again := guest.get(thumb)        // a file now
	again.wantPNG(t, 120)
	if got := again.header.Get("X-Powered-By"); got != "" {
		t.Errorf("%s: asked for again it is made by PHP (%s), want a file", thumb, got)
	}
	guest.get(thumb[:strings.LastIndexByte(thumb, '/')]+"/5px-x%2Fy.png").want(t, 404)
	guest.get("/thumb.php?f=Gate_50%25%26_%C3%BC.png&width=80").wantPNG(t, 80)
}

func mwAPI(t *testing.T, w *wiki) {
	var info struct {
		Query struct {
			General struct{ Sitename, Articlepath string }
		}
	}
	p := w.agent.get("/api.php?action=query&meta=siteinfo&format=json").want(t, 200)
	if err := json.Unmarshal([]byte(p.body), &info); err != nil || info.Query.General.Sitename != "Sluice & friends" || info.Query.General.Articlepath != "/wiki/$1" {
		t.Fatalf("api.php siteinfo: %v %+v", err, info)
	}
	if got := p.header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("api.php: Content-Type %q", got)
	}
	var tokens struct {
		Query struct{ Tokens struct{ CSRFToken string } }
	}
	p = w.agent.get("/api.php?action=query&meta=tokens&format=json").want(t, 200)
	if err := json.Unmarshal([]byte(p.body), &tokens); err != nil || len(tokens.Query.Tokens.CSRFToken) < 10 {
		t.Fatalf("api.php tokens: %v %s", err, p.body)
	}
	p = w.agent.post("/api.php", url.Values{
		"action": {"edit"}, "title": {"From the API"}, "text": {strings.Repeat("Water & more.\n", 20_000)}, "format": {"json"}, "token": {tokens.Query.Tokens.CSRFToken},
	}).want(t, 200, `"result":"Success"`, `"title":"From the API"`)
	if got := len(w.agent.get("/index.php?title=From_the_API&action=raw").want(t, 200).body); got != 20_000*14-1 {
		t.Errorf("280 kB by the API are %d bytes afterwards", got)
	}
	w.agent.post("/api.php", url.Values{"action": {"edit"}, "title": {"X"}, "text": {"x"}, "format": {"json"}}).want(t, 200, `"code":"missingparam"`)
	w.agent.get("/rest.php/v1/page/C%2B%2B_%26_more").want(t, 200, `"title":"C++ & more"`, "The page of [[")
	w.agent.get("/rest.php/v1/page/No_such_page").want(t, 404, `"httpCode":404`)
}

// mwLoad asks for the styles and scripts that a page names, then again with
// what it was told to remember them by.
func mwLoad(t *testing.T, w *wiki) {
	guest := newAgent(t, w.server)
	p := guest.get("/wiki/Gate").want(t, 200)
	for kind, pattern := range map[string]string{
		"text/css; charset=utf-8":        `rel="stylesheet" href="(/load\.php\?[^"]*only=styles[^"]*)"`,
		"text/javascript; charset=utf-8": `src="(/load\.php\?[^"]*modules=startup[^"]*)"`,
	} {
		link := p.find(t, pattern)
		a := mwRemembered(t, guest, link)
		tag, control := a.header.Get("Etag"), a.header.Get("Cache-Control")
		if got := a.header.Get("Content-Type"); got != kind || len(a.body) < 1000 {
			t.Errorf("%s: Content-Type %q, want %q; %d bytes", link, got, kind, len(a.body))
		}
		if tag == "" || !strings.Contains(control, "public") || !strings.Contains(control, "max-age=") || a.header.Get("Expires") == "" {
			t.Errorf("%s: Etag %q, Cache-Control %q, Expires %q", link, tag, control, a.header.Get("Expires"))
		}
		if again := guest.get(link, `If-None-Match: W/"other"`); again.status != http.StatusOK || again.body != a.body {
			t.Errorf("%s with another Etag: status %d, %d bytes, want 200 and %d", link, again.status, len(again.body), len(a.body))
		}
	}
}

// mwRemembered asks for a link until it is told that nothing changed since the
// time before, and returns what it got then. What a style sheet is made of is
// part of its Etag, but is written down only after the first answers.
func mwRemembered(t *testing.T, guest *agent, link string) page {
	t.Helper()
	var whole, again page
	ok := eventually(20*time.Second, func() bool {
		whole = guest.get(link).want(t, 200)
		again = guest.get(link, "If-None-Match: "+whole.header.Get("Etag"))
		return again.status == http.StatusNotModified
	})
	if !ok || again.body != "" {
		t.Errorf("%s with its Etag %s: status %d, %d bytes, want 304", link, whole.header.Get("Etag"), again.status, len(again.body))
	}
	return whole
}

func mwPrivate(t *testing.T, w *wiki) {
	for _, target := range []string{
		"/includes/", "/includes/DefaultSettings.php", "/includes/Setup.php/x", "/maintenance/", "/maintenance/install.php",
		"/maintenance/archives/patch-cl_type.sql", "/languages/Language.php", "/languages/i18n/en.json", "/vendor/autoload.php", "/vendor",
		"/includes%2fSetup.php", "/skins/../includes/Setup.php", "/%69ncludes/Setup.php", "/images/", "/skins/MinervaNeue/dev-scripts/",
	} {
		a := get(t, w.server, target)
		if ok := a.status == http.StatusForbidden || strings.Contains(target, "%2f") && a.status == http.StatusNotFound; !ok {
			t.Errorf("%s: status %d, want 403\n%s", target, a.status, excerpt(a.body))
		}
	}
}

func mwBrowser(t *testing.T, w *wiki) {
	w.mwSave(t, "Visit", "Come [[Gate|in]].\n\n[[File:Gate 50%& ü.png|thumb|90px|The gate, seen from afar]]\n== One ==\n== Two ==\n== Three ==\n== Four ==", "").want(t, 200)
	w.visit(t, "/wiki/Visit", "Visit - Sluice & friends", "The gate, seen from afar")
}

func mwLogout(t *testing.T, w *wiki) {
	v := w.agent.get("/wiki/Special:UserLogout").want(t, 200).hidden(t, "Do you want to log out?")
	w.agent.post("/wiki/Special:UserLogout", v).want(t, 200, "You are now logged out.")
	w.agent.get("/wiki/Gate").want(t, 200, `"wgUserName":null`)
}
