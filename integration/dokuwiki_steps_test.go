//go:build linux

package integration

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dwSetup is the wizard, and what its last page asks for: nice addresses in
// the configuration, and install.php gone.
func dwSetup(t *testing.T, w *wiki) {
	v := w.agent.get("/install.php").want(t, 200, `name="d[superuser]"`).hidden(t, "<form")
	for key, value := range map[string]string{
		"d[title]": "Sluice & friends", "d[acl]": "on", "d[superuser]": "keeper", "d[fullname]": "The Keeper", "d[email]": "keeper@example.test",
		"d[password]": wikiPassword, "d[confirm]": wikiPassword, "d[policy]": "1", "d[license]": "cc-by-sa", "submit": "",
	} {
		v.Set(key, value)
	}
	w.agent.post("/install.php", v).want(t, 200, "The configuration was finished successfully.")
	local := filepath.Join(w.site.root, "conf/local.php")
	// There is no network here to ask for updates.
	writeFile(t, local, readText(t, local)+"$conf['userewrite'] = 1;\n$conf['updatecheck'] = 0;\n")
	if err := os.Remove(filepath.Join(w.site.root, "install.php")); err != nil {
		t.Fatal(err)
	}
	w.agent.get("/").want(t, 200, "Sluice &amp; friends", "This topic does not exist yet", `href="/start?do=login`)
	gone := eventually(10*time.Second, func() bool { return w.agent.get("/install.php").status == http.StatusOK })
	if p := w.agent.get("/install.php"); !gone || !strings.Contains(p.body, "This topic does not exist yet") {
		t.Errorf("install.php, removed: status %d, want a page that is to be written\n%s", p.status, excerpt(p.body))
	}
}

func dwLogin(t *testing.T, w *wiki) {
	form := func(password string) url.Values {
		v := w.agent.get("/start?do=login").want(t, 200, `name="u"`).hidden(t, `id="dw__login"`)
		v.Set("u", "keeper")
		v.Set("p", password)
		return v
	}
	w.agent.post("/start", form("wrong")).want(t, 403, "Sorry, username or password was wrong.")
	w.agent.post("/start", form(wikiPassword)).want(t, 200, "The Keeper", `href="/start?do=admin`)
	w.agent.get("/start?do=admin").want(t, 200, "User Manager")
}

// dwSave writes a page as the editor's form does and returns what is shown then.
func (w *wiki) dwSave(t *testing.T, path, text, summary string) page {
	t.Helper()
	v := w.agent.get(path+"?do=edit").want(t, 200, `name="wikitext"`).hidden(t, `id="dw__editform"`)
	v.Set("wikitext", text)
	v.Set("summary", summary)
	v.Set("do[save]", "Save")
	return w.agent.post(path, v)
}

func dwEdit(t *testing.T, w *wiki) {
	text := "====== The Gate ======\n\nThe **gate** is shut. ünï 漢字 & <b>\n\n<code php>\n<?php echo 'water'; ?>\n</code>\n[[gate:north]] [[other page|other]]\n"
	w.dwSave(t, "/gate", text, "a first look").want(t, 200, "<strong>gate</strong> is shut.", "ünï 漢字 &amp; &lt;b&gt;", `href="/gate:north"`, `href="/other_page"`)
	time.Sleep(1100 * time.Millisecond) // a revision's name is its second
	w.dwSave(t, "/gate", strings.Replace(text, "shut", "open", 1), "it rains").want(t, 200, "<strong>gate</strong> is open.")
	guest := newAgent(t, w.server)
	guest.get("/gate").want(t, 200, "<strong>gate</strong> is open.", "<title>gate [Sluice & friends]</title>", `href="/gate?do=login`)
	h := guest.get("/gate?do=revisions").want(t, 200, "a first look", "it rains")
	guest.get(h.find(t, `href="(/gate\?rev=\d+)"`)).want(t, 200, "<strong>gate</strong> is shut.")
	if p := guest.get("/gate?do=edit").want(t, 200); strings.Contains(p.body, "do[save]") {
		t.Error("a guest may save a page")
	}
	if p := guest.get("/_export/raw/gate").want(t, 200); p.header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(p.body, "The **gate** is open.") {
		t.Errorf("/_export/raw/gate: Content-Type %q: %q", p.header.Get("Content-Type"), p.body)
	}
	guest.get("/_export/xhtml/gate").want(t, 200, "<strong>gate</strong> is open.")
	guest.get("/start?do=search&q=gate").want(t, 200, "Search")
	guest.get("/start?do=recent").want(t, 200, "it rains")
	guest.get("/feed.php").want(t, 200, "<rdf:RDF", "gate - it rains")
}

// dwNames writes pages by every way to spell their address.
func dwNames(t *testing.T, w *wiki) {
	guest := newAgent(t, w.server)
	for _, name := range []struct {
		id, path string
		also     []string
	}{
		{"gate:north:lock_1", "/gate:north:lock_1", []string{"/Gate:North:Lock_1", "/gate%3Anorth%3Alock_1", "/doku.php?id=gate:north:lock_1"}},
		{"漢字", "/%E6%BC%A2%E5%AD%97", []string{"/漢字", "/%e6%bc%a2%e5%ad%97", "/doku.php/%E6%BC%A2%E5%AD%97?id=%E6%BC%A2%E5%AD%97"}},
		{"cafe_creme", "/caf%C3%A9_cr%C3%A8me", []string{"/cafe_creme", "/Caf%C3%A9+cr%C3%A8me"}},
		{"a.css", "/a.css", []string{"/a%2Ecss", "/A.CSS"}},
		{"x.php", "/x.php", []string{"/doku.php?id=x.php"}},
	} {
		w.dwSave(t, name.path, "The page ((of)) "+name.id+".", "").want(t, 200, "The page", "of</div>")
		for _, path := range append([]string{name.path}, name.also...) {
			guest.get(path).want(t, 200, `"id":"`+jsonASCII(name.id)+`"`, " "+name.id+".")
		}
	}
}

// jsonASCII is a text as PHP's json_encode has it.
func jsonASCII(s string) string {
	return strings.NewReplacer("漢", `\u6f22`, "字", `\u5b57`).Replace(s)
}

func dwMedia(t *testing.T, w *wiki) {
	picture := wikiPicture(t)
	form := w.agent.get("/lib/exe/mediamanager.php?ns=gate").want(t, 200, `id="dw__upload"`).hidden(t, `id="dw__upload"`)
	fields := map[string]string{"mediaid": "noon ü.png"}
	for key := range form {
		fields[key] = form.Get(key)
	}
	contentType, body := multipartBody(t, fields, upload{"upload", "noon.png", "image/png", picture})
	w.agent.do("POST", "/lib/exe/mediamanager.php?ns=gate", contentType, bytes.NewReader(body)).want(t, 200, "Upload successful", "noon_ue.png")

	guest := newAgent(t, w.server)
	got := guest.get("/_media/gate:noon_ue.png")
	got.wantPNG(t, 400)
	if got.body != string(picture) {
		t.Errorf("%d bytes came back, uploaded were %d others", len(got.body), len(picture))
	}
	if again := guest.get("/_media/gate:noon_ue.png", "If-None-Match: "+got.header.Get("Etag")); again.status != http.StatusNotModified || again.body != "" {
		t.Errorf("with its Etag %q: status %d, %d bytes, want 304", got.header.Get("Etag"), again.status, len(again.body))
	}
	if part := guest.get("/_media/gate:noon_ue.png", "Range: bytes=1-3"); part.status != http.StatusPartialContent || !strings.Contains(part.body, "PNG") || len(part.body) > 100 {
		t.Errorf("a range of it: status %d, %d bytes", part.status, len(part.body))
	}
	p := w.dwSave(t, "/pictures", "{{gate:noon_ue.png?120|At noon}}", "").want(t, 200, `alt="At noon"`)
	guest.get(p.find(t, `<img src="(/_media/gate:noon_ue\.png\?[^"]*)"`)).wantPNG(t, 120)
	guest.get(p.find(t, `href="(/_detail/gate:noon_ue\.png\?[^"]*)"`)).want(t, 200, "noon_ue.png")
	guest.get("/_media/gate:noon_ue.png?w=50&tok=wrong").want(t, 412)
	guest.get("/_media/gate:none.png").want(t, 404)
}

func dwAssets(t *testing.T, w *wiki) {
	guest := newAgent(t, w.server)
	p := guest.get("/gate").want(t, 200)
	for kind, pattern := range map[string]string{
		"text/css; charset=utf-8":               `href="(/lib/exe/css\.php[^"]*)"`,
		"application/javascript; charset=utf-8": `src="(/lib/exe/js\.php[^"]*)"`,
	} {
		link := p.find(t, pattern)
		guest.get(link).want(t, 200) // being made, it has the Etag of when that began, not of its file
		a := guest.get(link).want(t, 200)
		if got := a.header.Get("Content-Type"); got != kind || len(a.body) < 10_000 {
			t.Errorf("%s: Content-Type %q, want %q; %d bytes", link, got, kind, len(a.body))
		}
		if got := a.header.Get("Cache-Control"); !strings.Contains(got, "public") {
			t.Errorf("%s: Cache-Control %q", link, got)
		}
		for name, value := range map[string]string{"If-None-Match": a.header.Get("Etag"), "If-Modified-Since": a.header.Get("Last-Modified")} {
			if again := guest.get(link, name+": "+value); again.status != http.StatusNotModified || again.body != "" {
				t.Errorf("%s with %s %q: status %d, %d bytes, want 304", link, name, value, again.status, len(again.body))
			}
		}
	}
	ajax := url.Values{"call": {"linkwiz"}, "q": {"gat"}}
	guest.post("/lib/exe/ajax.php", ajax).want(t, 200, "Nothing was found.")
	// The picture in each page makes DokuWiki index it, after it was answered.
	gif := guest.get(p.find(t, `<img src="(/lib/exe/taskrunner\.php[^"]*)"`)).want(t, 200, "GIF89a")
	if got := gif.header.Get("Content-Type"); got != "image/gif" {
		t.Errorf("taskrunner.php: Content-Type %q, want image/gif", got)
	}
	indexed := eventually(20*time.Second, func() bool {
		return strings.Contains(guest.get("/start?do=search&q=water").want(t, 200).body, `<strong class="search_hit">water</strong>`)
	})
	if !indexed {
		t.Error("the search finds no word of a page that was to be indexed")
	}
	guest.post("/lib/exe/ajax.php", ajax).want(t, 200, "gate")
	guest.post("/lib/exe/ajax.php", url.Values{"call": {"none"}}).want(t, 200, "AJAX call 'none' unknown!")
}

func dwPrivate(t *testing.T, w *wiki) {
	for _, target := range []string{
		"/data/", "/data", "/data/pages/secret.txt", "/data/pages/", "/data/cache/", "/data/none.txt", "/data/pages/secret.txt/x", "/lib/../data/pages/secret.txt", "/%64ata/pages/secret.txt", "/data//pages/secret.txt",
		"/conf/", "/conf/dokuwiki.php", "/conf/users.auth.php", "/conf/mime.conf", "/inc/", "/inc/init.php", "/inc/lang/en/lang.php", "/bin/", "/bin/dwpage.php", "/vendor/", "/vendor/autoload.php", "/VERSION",
	} {
		if a := get(t, w.server, target); a.status != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403\n%s", target, a.status, excerpt(a.body))
		}
	}
	for _, target := range []string{"/.htaccess", "/.htaccess.dist", "/.git/config", "/lib/.git"} {
		if a := get(t, w.server, target); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
			t.Errorf("%s: status %d, want 403 or 404\n%s", target, a.status, excerpt(a.body))
		}
	}
}

func dwBrowser(t *testing.T, w *wiki) {
	w.dwSave(t, "/visit", "====== Come in ======\n\n{{gate:noon_ue.png?90|}} Seen from **afar**.\n\n===== One =====\n\n===== Two =====\n\n===== Three =====\n", "").want(t, 200)
	w.visit(t, "/visit", "visit [Sluice & friends]", "Seen from afar")
}

func dwLogout(t *testing.T, w *wiki) {
	link := w.agent.get("/gate").want(t, 200, "The Keeper").find(t, `href="(/gate\?do=logout[^"]*)"`)
	w.agent.get(link).want(t, 200, `do=login`)
	if p := w.agent.get("/gate").want(t, 200); strings.Contains(p.body, "The Keeper") {
		t.Error("logged in after logging out")
	}
}
