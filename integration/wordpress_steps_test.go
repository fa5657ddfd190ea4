//go:build linux

package integration

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func wpFeeds(t *testing.T, w *wordpress) {
	p := w.agent.get("/feed/").want(t, 200)
	if ct := p.header.Get("Content-Type"); !strings.HasPrefix(ct, "application/rss+xml") {
		t.Errorf("feed has type %q", ct)
	}
	var feed struct {
		Channel struct {
			Title string `xml:"title"`
			Items []struct {
				Title string `xml:"title"`
			} `xml:"item"`
		} `xml:"channel"`
	}
	if err := xml.Unmarshal([]byte(p.body), &feed); err != nil {
		t.Fatalf("feed: %v", err)
	}
	if feed.Channel.Title != "Sluice & friends" || len(feed.Channel.Items) != 1 || feed.Channel.Items[0].Title != "Hello world!" {
		t.Fatalf("feed: %+v", feed)
	}
	// Feeds answer conditional requests themselves: PHP must see the header.
	modified := p.header.Get("Last-Modified")
	again := w.agent.get("/feed/", "If-Modified-Since: "+modified, "If-None-Match: "+p.header.Get("ETag"))
	again.want(t, http.StatusNotModified)
}

// nonce is the header that lets a logged-in browser use the REST API.
func (w *wordpress) nonce(t *testing.T) string {
	t.Helper()
	editor := w.agent.get("/wp-admin/post-new.php").want(t, 200)
	return "X-WP-Nonce: " + editor.find(t, `createNonceMiddleware\( "(\w+)" \)`)
}

// wpREST uses the API by both addresses and with the methods that forms lack.
func wpREST(t *testing.T, w *wordpress) {
	var posts []struct {
		ID    int
		Title struct{ Rendered string }
	}
	for _, path := range []string{"/wp-json/wp/v2/posts?per_page=5", "/?rest_route=/wp/v2/posts&per_page=5", "/index.php?rest_route=/wp/v2/posts"} {
		p := w.agent.get(path).want(t, 200)
		if err := json.Unmarshal([]byte(p.body), &posts); err != nil || len(posts) != 1 {
			t.Fatalf("%s: %d posts, %v", path, len(posts), err)
		}
	}
	nonce := w.nonce(t)
	made := w.agent.do("POST", "/wp-json/wp/v2/posts", "application/json",
		strings.NewReader(`{"title":"By REST","content":"<p>ünïcode</p>","status":"publish"}`), nonce).want(t, http.StatusCreated)
	var post struct {
		ID   int
		Link string
	}
	if err := json.Unmarshal([]byte(made.body), &post); err != nil {
		t.Fatal(err)
	}
	w.agent.get(post.Link).want(t, 200, "By REST", "ünïcode")
	item := "/wp-json/wp/v2/posts/" + made.find(t, `"id":(\d+)`)
	w.agent.do("PUT", item, "application/json", strings.NewReader(`{"title":"By PUT"}`), nonce).want(t, 200, "By PUT")
	w.agent.do("PATCH", item, "application/json", strings.NewReader(`{"title":"By PATCH"}`), nonce).want(t, 200, "By PATCH")
	w.agent.do("DELETE", item+"?force=true", "", http.NoBody, nonce).want(t, 200, `"deleted":true`)
	w.agent.get(item).want(t, http.StatusNotFound)
	w.agent.do("POST", "/wp-json/wp/v2/posts", "application/json", strings.NewReader(`{"title":"x"}`)).want(t, http.StatusUnauthorized)
	head := w.agent.do("HEAD", "/wp-json/wp/v2/posts", "", http.NoBody).want(t, 200)
	if head.body != "" || head.header.Get("X-Wp-Total") != "1" {
		t.Errorf("HEAD: total %q, body %q", head.header.Get("X-Wp-Total"), head.body)
	}
}

// wpCron runs the event that activating the plugin has scheduled in the past.
// Any page view may have run it already, through WordPress's request to itself.
func wpCron(t *testing.T, w *wordpress) {
	w.agent.get("/wp-cron.php?doing_wp_cron").want(t, 200)
	var last page
	ran := eventually(10*time.Second, func() bool {
		last = w.agent.get("/wp-json/sluice-probe/v1/ticks").want(t, 200)
		return strings.Contains(last.body, `"ticks":1`)
	})
	if !ran {
		t.Fatalf("the scheduled event did not run: %s", last.body)
	}
}

func wpTheme(t *testing.T, w *wordpress) {
	list := w.agent.get("/wp-admin/themes.php").want(t, 200)
	link := list.find(t, `href="([^"]*action=activate&amp;stylesheet=twentytwentyone[^"]*)"`)
	w.agent.get(link).want(t, 200, "New theme activated")
	front := w.agent.get("/").want(t, 200, "themes/twentytwentyone/style.css")
	css := front.find(t, `href=["']([^"']*themes/twentytwentyone/style\.css[^"']*)["']`)
	style := w.agent.get(css).want(t, 200)
	if ct := style.header.Get("Content-Type"); !strings.HasPrefix(ct, "text/css") {
		t.Errorf("style sheet has type %q", ct)
	}
}

// wpUploadsAreInert puts scripts where uploads go, as a hole in a plugin would.
func wpUploadsAreInert(t *testing.T, w *wordpress) {
	const script = "<?php echo 'RUN' . 'NING';"
	for _, name := range []string{"evil.php", "2024/01/evil.php", "evil.jpg", "evil.php.jpg", "evil.phtml"} {
		writeFile(t, filepath.Join(w.root, "wp-content/uploads", name), script)
	}
	for _, target := range []string{
		"/wp-content/uploads/evil.php", "/wp-content/uploads/evil.php/x", "/wp-content/uploads/evil.php/x.php",
		"/wp-content/uploads/2024/01/evil.php?a=b", "/wp-content/uploads/evil.jpg/x.php", "/wp-content/uploads/evil.jpg/.php",
		"/wp-content/uploads/%65vil.php", "/wp-content/uploads/evil.php%2fx.php", "/wp-content/plugins/../uploads/evil.php",
		"//wp-content//uploads//evil.php", "/wp-content/uploads/evil.phtml", "/wp-content/uploads/evil.php.jpg/x.php",
		"/wp-content/uploads/evil.php%00.jpg", "/wp-content/uploads/evil.php%20", "/wp-content/uploads/evil.php.",
		"/index.php/../wp-content/uploads/evil.php", "/WP-CONTENT/uploads/evil.php",
	} {
		a := get(t, w.server, target)
		if strings.Contains(a.body, "RUNNING") {
			t.Errorf("%s ran a script from the uploads folder (status %d)", target, a.status)
		}
		// The oracles' usual set-ups know .php only.
		if hostIsSluice() && strings.Contains(a.body, "<?php") && !strings.Contains(target, ".jpg") {
			t.Errorf("%s gave the source of a script away (status %d)", target, a.status)
		}
	}
}

func wpLogout(t *testing.T, w *wordpress) {
	link := w.agent.get("/wp-admin/").want(t, 200).find(t, `href=["']([^"']*wp-login\.php\?action=logout&[^"']*;_wpnonce=\w+)["']`)
	w.agent.get(link).want(t, 200, "You are now logged out")
	if p := w.agent.get("/wp-admin/").want(t, 200); !strings.Contains(p.url, "/wp-login.php?redirect_to=") {
		t.Fatalf("after logging out /wp-admin/ led to %s", p.url)
	}
}

// wpBlockEditor writes a page and a post as an author does: by keyboard and
// mouse in a browser. No request of it all may fail.
func wpBlockEditor(t *testing.T, w *wordpress) {
	// The guide for newcomers shows pictures from s.w.org; there is no network.
	w.agent.do("POST", "/wp-json/wp/v2/users/me", "application/json", strings.NewReader(
		`{"meta":{"persisted_preferences":{"core/edit-post":{"welcomeGuide":false},"_modified":"2026-01-01T00:00:00.000Z"}}}`),
		w.nonce(t)).want(t, 200, `"welcomeGuide":false`)

	b := startBrowser(t)
	b.open(w.url("/wp-login.php"))
	b.script(`document.getElementById('user_login').value = ''`)
	b.text("#user_login", wpUser)
	b.text("#user_pass", wpPassword)
	b.click("#wp-submit")
	b.find("#dashboard-widgets")
	b.screenshot("wp-admin")

	pageLink := b.publish(w.url("/wp-admin/post-new.php?post_type=page"), "About the gate", "Water goes through it.")
	postLink := b.publish(w.url("/wp-admin/post-new.php"), "First flood", "It held, says the keeper.")
	b.screenshot("wp-editor")
	visitor := newAgent(t, w.server)
	visitor.get(pageLink).want(t, 200, "About the gate", "<p>Water goes through it.</p>")
	visitor.get(postLink).want(t, 200, "First flood", "<p>It held, says the keeper.</p>")

	b.open(w.url("/"))
	b.awaitScript(`document.body.innerText.includes('First flood') && document.readyState == 'complete'`)
	b.screenshot("wp-front")
	for _, f := range b.failures() {
		t.Errorf("failed request in the browser: %s", f)
	}
	for _, e := range b.consoleErrors() {
		t.Errorf("error in the browser's console: %s", e)
	}
	if n := b.requests(); n < 100 {
		t.Errorf("the browser logged %d requests: too few to have seen the editor load", n)
	}
}

// publish writes a title and a paragraph in the block editor, presses Publish
// twice and returns the permalink.
func (b *browser) publish(editor, title, text string) string {
	b.t.Helper()
	b.open(editor)
	b.awaitScript(`window.wp && wp.data && wp.data.select('core/editor') && wp.data.select('core/editor').getCurrentPostId() &&
		document.querySelector('.editor-post-title__input')`)
	b.click(".editor-post-title__input")
	b.keys(title + enterKey + text)
	b.click(".editor-post-publish-panel__toggle")
	b.click(".editor-post-publish-panel .editor-post-publish-button:not([aria-disabled=true])")
	b.find(".post-publish-panel__postpublish-header, .editor-post-publish-panel__header-published")
	b.awaitScript(`wp.data.select('core/editor').isCurrentPostPublished() && !wp.data.select('core/editor').isSavingPost()`)
	link, ok := b.script(`return wp.data.select('core/editor').getPermalink()`).(string)
	if !ok || link == "" {
		b.t.Fatalf("browser: no permalink for %q", title)
	}
	return link
}
