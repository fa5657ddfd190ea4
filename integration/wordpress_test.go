//go:build linux

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	wpUser     = "admin"
	wpPassword = "a long Pass phrase 7!"
)

// wordpress is a site under test and who is logged in.
type wordpress struct {
	*server
	root  string
	db    *database
	agent *agent
}

// TestWordPress goes the way of a new owner, from the setup wizard to logging
// out. Each step stands on the one before, so the first failure ends it.
func TestWordPress(t *testing.T) {
	w := installWordPressFiles(t)
	steps := []struct {
		name string
		run  func(*testing.T, *wordpress)
	}{
		{"setup wizard", wpSetup},
		{"login", wpLogin},
		{"pretty permalinks", wpPermalinks},
		{"plugin", wpPlugin},
		{"upload multipart", wpUploadMultipart},
		{"upload chunked", wpUploadChunked},
		{"comment", wpComment},
		{"feeds", wpFeeds},
		{"rest", wpREST},
		{"cron", wpCron},
		{"block editor", wpBlockEditor},
		{"theme", wpTheme},
		{"no php from uploads", wpUploadsAreInert},
		{"logout", wpLogout},
	}
	for _, step := range steps {
		ok := t.Run(step.name, func(t *testing.T) {
			w.agent.t = t
			step.run(t, w)
		})
		if !ok {
			t.Fatalf("step %q failed; the rest stands on it", step.name)
		}
	}
}

func installWordPressFiles(t *testing.T) *wordpress {
	t.Helper()
	const source = "/usr/share/wordpress"
	needDir(t, source)
	needDir(t, source+"/wp-content/themes/twentytwentythree")
	needDir(t, source+"/wp-content/themes/twentytwentyone")
	db := startMariaDB(t)
	db.account(t, "wp", "wp", "secret")
	root := filepath.Join(workDir(t), "wordpress")
	copyTree(t, source, root)
	// Debian's own configuration would lead to /etc/wordpress and /var/lib/wordpress.
	for _, name := range []string{"wp-config.php", ".htaccess"} {
		if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	plugin, err := os.ReadFile("testdata/plugin/sluice-probe.php")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "wp-content/plugins/sluice-probe/sluice-probe.php"), string(plugin))
	makeDir(t, filepath.Join(root, "wp-content/uploads"))
	s := startHost(t, site{
		root: root, front: "/index.php", bodyMiB: 64,
		ini: map[string]string{
			"post_max_size": "64M", "upload_max_filesize": "64M", "memory_limit": "256M",
			"sendmail_path": "/bin/true", "max_execution_time": "120",
		},
	})
	return &wordpress{server: s, root: root, db: db, agent: newAgent(t, s)}
}

// wpSetup is the wizard in both halves: wp-config.php, then the tables.
func wpSetup(t *testing.T, w *wordpress) {
	first := w.agent.get("/").want(t, http.StatusOK)
	if !strings.Contains(first.url, "/wp-admin/setup-config.php") {
		t.Fatalf("a fresh WordPress led to %s, want its setup wizard", first.url)
	}
	w.agent.get("/wp-admin/setup-config.php?step=1&language=").want(t, 200, "name=\"dbname\"")
	w.agent.post("/wp-admin/setup-config.php?step=2", url.Values{
		"dbname": {"wp"}, "uname": {"wp"}, "pwd": {"secret"},
		"dbhost": {"localhost:" + w.db.sock}, "prefix": {"wp_"}, "language": {""},
	}).want(t, 200, "install.php")
	config := filepath.Join(w.root, "wp-config.php")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatalf("the wizard wrote no configuration: %v", err)
	}
	// There is no network here: without these WordPress waits for api.wordpress.org.
	quiet := "<?php\ndefine('WP_HTTP_BLOCK_EXTERNAL', true);\ndefine('AUTOMATIC_UPDATER_DISABLED', true);\n" +
		"define('WP_AUTO_UPDATE_CORE', false);\n"
	writeFile(t, config, strings.Replace(string(text), "<?php\n", quiet, 1))

	w.agent.get("/wp-admin/install.php").want(t, 200, "name=\"weblog_title\"")
	w.agent.post("/wp-admin/install.php?step=2", url.Values{
		"weblog_title": {"Sluice & friends"}, "user_name": {wpUser}, "admin_email": {"admin@example.test"},
		"admin_password": {wpPassword}, "admin_password2": {wpPassword}, "pw_weak": {"on"},
		"blog_public": {"0"}, "language": {""}, "Submit": {"Install WordPress"},
	}).want(t, 200, "Success!", wpUser)
	w.agent.get("/").want(t, 200, "Sluice &amp; friends", "Hello world!")
}

// wpLogin needs all the Set-Cookie lines of one answer.
func wpLogin(t *testing.T, w *wordpress) {
	w.agent.get("/wp-login.php").want(t, 200, "user_login")
	refused := w.agent.post("/wp-login.php", url.Values{"log": {wpUser}, "pwd": {"wrong"}, "testcookie": {"1"}})
	refused.want(t, 200, "is incorrect")
	dash := w.agent.post("/wp-login.php", url.Values{
		"log": {wpUser}, "pwd": {wpPassword}, "testcookie": {"1"}, "redirect_to": {w.url("/wp-admin/")},
	}).want(t, 200, "Dashboard", "Howdy")
	if !strings.HasSuffix(dash.url, "/wp-admin/") {
		t.Fatalf("login led to %s", dash.url)
	}
	base, err := url.Parse(w.url("/wp-admin/"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, c := range w.agent.c.Jar.Cookies(base) {
		kind, _, _ := strings.Cut(strings.TrimPrefix(c.Name, "wordpress_"), "_")
		kinds[kind] = true
	}
	if !kinds["logged"] || len(kinds) < 3 {
		t.Fatalf("cookies after login: %v, want test, logged_in and the session's own", kinds)
	}
}

func wpPermalinks(t *testing.T, w *wordpress) {
	form := w.agent.get("/wp-admin/options-permalink.php").want(t, 200)
	w.agent.post("/wp-admin/options-permalink.php", url.Values{
		"_wpnonce": {form.find(t, `name="_wpnonce" value="(\w+)"`)}, "_wp_http_referer": {"/wp-admin/options-permalink.php"},
		"selection": {"/%year%/%monthnum%/%postname%/"}, "permalink_structure": {"/%year%/%monthnum%/%postname%/"},
		"category_base": {""}, "tag_base": {""}, "submit": {"Save Changes"},
	}).want(t, 200, "Permalink structure updated")
	path := time.Now().UTC().Format("/2006/01/") + "hello-world/"
	w.agent.get(path).want(t, 200, "Welcome to WordPress")
	// A missing slash is WordPress's to add, by a redirect that keeps host and port.
	if p := w.agent.get(strings.TrimSuffix(path, "/")).want(t, 200); p.url != w.url(path) {
		t.Fatalf("%s without its slash led to %s", path, p.url)
	}
	w.agent.get("/sample-page/").want(t, 200, "This is an example page")
	w.agent.get("/?s=Hello+world%21").want(t, 200, "Hello world!")
	w.agent.get("/no/such/page/").want(t, 404, "Sluice &amp; friends")
	w.agent.get("/category/uncategorized/").want(t, 200, "Hello world!")
	// Gravatars come from the network, which is not there.
	w.db.run(t, "UPDATE wp.wp_options SET option_value='' WHERE option_name='show_avatars'")
}

func wpPlugin(t *testing.T, w *wordpress) {
	list := w.agent.get("/wp-admin/plugins.php").want(t, 200, "Sluice Probe")
	link := list.find(t, `href="(plugins\.php\?action=activate&amp;plugin=sluice-probe[^"]*)"`)
	w.agent.get("/wp-admin/"+link).want(t, 200, "Plugin activated")
	w.agent.get("/").want(t, 200, "<!-- sluice-probe active -->")
}

// picture is a JPEG of noise, so that it has a size worth uploading.
func picture(t *testing.T, seed uint32) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 1600, 1200))
	for y := range 1200 {
		for x := range 1600 {
			seed = seed*1664525 + 1013904223
			img.Set(x, y, color.RGBA{uint8(seed >> 24), uint8(x >> 3), uint8(y >> 3), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func wpUploadMultipart(t *testing.T, w *wordpress) {
	contentType, body, data := w.uploadForm(t, "first.jpg", 1)
	p := w.agent.do("POST", "/wp-admin/async-upload.php", contentType, bytes.NewReader(body))
	w.checkUpload(t, p, "first", data)
}

// wpUploadChunked sends no Content-Length, and php-cgi reads nothing without one.
func wpUploadChunked(t *testing.T, w *wordpress) {
	if w.kind == "apache" {
		t.Skip("Apache's proxy_fcgi hands a chunked body on without CONTENT_LENGTH: WordPress gets nothing")
	}
	contentType, body, data := w.uploadForm(t, "second.jpg", 2)
	p := w.agent.do("POST", "/wp-admin/async-upload.php", contentType, streamed{bytes.NewReader(body)})
	w.checkUpload(t, p, "second", data)
}

func (w *wordpress) uploadForm(t *testing.T, name string, seed uint32) (contentType string, body, data []byte) {
	t.Helper()
	nonce := w.agent.get("/wp-admin/media-new.php").want(t, 200).find(t, `"_wpnonce":"(\w+)"`)
	data = picture(t, seed)
	contentType, body = multipartBody(t,
		map[string]string{"name": name, "action": "upload-attachment", "_wpnonce": nonce},
		upload{"async-upload", name, "image/jpeg", data})
	return contentType, body, data
}

// checkUpload compares the stored original and fetches every thumbnail.
func (w *wordpress) checkUpload(t *testing.T, p page, stem string, data []byte) {
	t.Helper()
	p.want(t, 200)
	var reply struct {
		Success bool
		Data    struct {
			URL   string
			Sizes map[string]struct {
				URL           string
				Width, Height int
			}
		}
	}
	if err := json.Unmarshal([]byte(p.body), &reply); err != nil || !reply.Success {
		t.Fatalf("upload of %s: %v: %s", stem, err, excerpt(p.body))
	}
	if got := w.agent.get(reply.Data.URL).want(t, 200); got.body != string(data) {
		t.Fatalf("%s: stored %d bytes, sent %d", reply.Data.URL, len(got.body), len(data))
	}
	for _, size := range []string{"thumbnail", "medium", "large"} {
		s, ok := reply.Data.Sizes[size]
		if !ok {
			t.Fatalf("no %s of %s among %v", size, stem, reply.Data.Sizes)
		}
		got := w.agent.get(s.URL).want(t, 200)
		if ct := got.header.Get("Content-Type"); ct != "image/jpeg" {
			t.Errorf("%s: type %q", s.URL, ct)
		}
		conf, err := jpeg.DecodeConfig(strings.NewReader(got.body))
		if err != nil || conf.Width != s.Width || conf.Height != s.Height {
			t.Errorf("%s: %dx%d, %v; want %dx%d", s.URL, conf.Width, conf.Height, err, s.Width, s.Height)
		}
	}
}

func wpComment(t *testing.T, w *wordpress) {
	visitor := newAgent(t, w.server)
	text := fmt.Sprintf("Nice gate, %d litres a second!", time.Now().UnixNano())
	p := visitor.post("/wp-comments-post.php", url.Values{
		"comment": {text}, "author": {"Visitor"}, "email": {"visitor@example.test"}, "url": {""},
		"submit": {"Post Comment"}, "comment_post_ID": {"1"}, "comment_parent": {"0"},
	}).want(t, 200, text, "awaiting moderation")
	if !strings.Contains(p.url, "hello-world") {
		t.Fatalf("the comment led to %s", p.url)
	}
	mine := text + " Mine."
	w.agent.post("/wp-comments-post.php", url.Values{
		"comment": {mine}, "submit": {"Post Comment"}, "comment_post_ID": {"1"}, "comment_parent": {"0"},
	}).want(t, 200, mine)
}
