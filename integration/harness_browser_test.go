//go:build linux

package integration

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser is a headless Chromium driven over WebDriver (W3C), which needs no
// more than net/http.
type browser struct {
	t       testing.TB
	session string // http://127.0.0.1:port/session/ID
	seen    map[string]string
}

// webElement is the key under which WebDriver names an element (W3C WebDriver §12).
const webElement = "element-6066-11e4-a52e-4f735466cecf"

func startBrowser(t testing.TB) *browser {
	t.Helper()
	driver, chromium := tool(t, "chromedriver"), tool(t, "chromium", "chromium-browser", "google-chrome")
	dir := workDir(t)
	addr := freeAddr(t)
	port := addr[strings.LastIndexByte(addr, ':')+1:]
	cmd := exec.Command(driver, "--port="+port)
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir)
	p := startProcess(t, dir, "chromedriver", cmd)
	awaitListening(t, p, "tcp", addr)

	b := &browser{t: t, session: "http://" + addr + "/session", seen: map[string]string{}}
	var made struct {
		SessionID string `json:"sessionId"`
	}
	b.call("POST", "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName":       "chrome",
		"goog:loggingPrefs": map[string]string{"browser": "ALL", "performance": "ALL"},
		"goog:chromeOptions": map[string]any{"binary": chromium, "args": []string{
			"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync",
			"--disable-dev-shm-usage", "--no-proxy-server", "--window-size=1280,1000", "--lang=en",
			"--user-data-dir=" + filepath.Join(dir, "profile"),
		}},
	}}}, &made)
	b.session += "/" + made.SessionID
	t.Cleanup(func() { _ = b.try("DELETE", "", nil, nil) })
	b.call("POST", "/timeouts", map[string]int{"pageLoad": 60000, "script": 30000}, nil)
	// Debian's Chromium starts with a page of debian.org: not part of any test.
	b.open("about:blank")
	b.failures()
	b.seen = map[string]string{}
	return b
}

var errNoElement = errors.New("no such element")

// try is one WebDriver command.
func (b *browser) try(method, path string, in, out any) error {
	var body io.Reader = http.NoBody
	if method == "POST" {
		if in == nil {
			in = map[string]any{}
		}
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, b.session+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 90 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var reply struct{ Value json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return fmt.Errorf("webdriver %s %s: %w", method, path, err)
	}
	if resp.StatusCode != http.StatusOK {
		var fault struct{ Error, Message string }
		_ = json.Unmarshal(reply.Value, &fault)
		if fault.Error == "no such element" || fault.Error == "stale element reference" ||
			fault.Error == "element click intercepted" || fault.Error == "element not interactable" {
			return fmt.Errorf("%w: %s", errNoElement, fault.Message)
		}
		return fmt.Errorf("webdriver %s %s: %s: %s", method, path, fault.Error, fault.Message)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(reply.Value, out)
}

func (b *browser) call(method, path string, in, out any) {
	b.t.Helper()
	if err := b.try(method, path, in, out); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.call("POST", "/url", map[string]string{"url": url}, nil)
}

// find waits for an element that the selector names.
func (b *browser) find(css string) string {
	b.t.Helper()
	var id string
	b.until("find "+css, func() (err error) {
		id, err = b.lookup(css)
		return err
	})
	return id
}

// lookup does not wait.
func (b *browser) lookup(css string) (string, error) {
	var found map[string]string
	err := b.try("POST", "/element", map[string]string{"using": "css selector", "value": css}, &found)
	return found[webElement], err
}

// click waits until the element is there and nothing covers it.
func (b *browser) click(css string) {
	b.t.Helper()
	b.until("click "+css, func() error {
		id, err := b.lookup(css)
		if err != nil {
			return err
		}
		return b.try("POST", "/element/"+id+"/click", nil, nil)
	})
}

// text types into an element.
func (b *browser) text(css, keys string) {
	b.t.Helper()
	b.call("POST", "/element/"+b.find(css)+"/value", map[string]string{"text": keys}, nil)
}

// keys types wherever the focus is.
func (b *browser) keys(text string) {
	b.t.Helper()
	var strokes []map[string]string
	for _, r := range text {
		strokes = append(strokes, map[string]string{"type": "keyDown", "value": string(r)},
			map[string]string{"type": "keyUp", "value": string(r)})
	}
	b.call("POST", "/actions", map[string]any{"actions": []any{
		map[string]any{"type": "key", "id": "keyboard", "actions": strokes},
	}}, nil)
}

// enterKey is WebDriver's code point of the Enter key.
const enterKey = "\ue007"

// script runs JavaScript in the page and returns its value.
func (b *browser) script(js string) any {
	b.t.Helper()
	var v any
	b.call("POST", "/execute/sync", map[string]any{"script": js, "args": []any{}}, &v)
	return v
}

// awaitScript polls until the expression is true.
func (b *browser) awaitScript(expression string) {
	b.t.Helper()
	b.until(expression, func() error {
		var v any
		err := b.try("POST", "/execute/sync", map[string]any{"script": "return Boolean(" + expression + ")", "args": []any{}}, &v)
		if err == nil && v == true {
			return nil
		}
		return errNoElement
	})
}

func (b *browser) until(what string, try func() error) {
	b.t.Helper()
	const waitMax = 45 * time.Second
	var err error
	ok := eventually(waitMax, func() bool {
		err = try()
		return err == nil || !errors.Is(err, errNoElement)
	})
	if !ok || err != nil {
		b.screenshot("failed")
		b.t.Fatalf("browser: %s: %v", what, err)
	}
}

// artifactsDir is where screenshots are kept.
func artifactsDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("ARTIFACTS")
	if dir == "" {
		dir = "../artifacts"
	}
	return makeDir(t, dir)
}

func (b *browser) screenshot(name string) {
	b.t.Helper()
	var encoded string
	b.call("GET", "/screenshot", nil, &encoded)
	image, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(artifactsDir(b.t), name+".png")
	if err := os.WriteFile(path, image, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// networkEvent is what matters of Chromium's performance log.
type networkEvent struct {
	Message struct {
		Method string
		Params struct {
			RequestID string `json:"requestId"`
			Request   struct{ URL string }
			Response  struct {
				URL      string
				Status   int
				Protocol string
			}
			ErrorText string
			Canceled  bool
		}
	}
}

// failures lists the requests that failed since the last call: answers of 400
// and above and network errors. Requests that the page itself gave up (it was
// left) are no failures.
func (b *browser) failures() []string {
	b.t.Helper()
	var entries []struct{ Message string }
	b.call("POST", "/se/log", map[string]string{"type": "performance"}, &entries)
	var failed []string
	for _, e := range entries {
		var ev networkEvent
		if err := json.Unmarshal([]byte(e.Message), &ev); err != nil {
			continue // events of other domains have other shapes
		}
		p := ev.Message.Params
		switch ev.Message.Method {
		case "Network.requestWillBeSent":
			b.seen[p.RequestID] = p.Request.URL
		case "Network.responseReceived":
			if p.Response.Status >= 400 {
				failed = append(failed, fmt.Sprintf("%d %s", p.Response.Status, p.Response.URL))
			}
		case "Network.loadingFailed":
			if !p.Canceled {
				failed = append(failed, p.ErrorText+" "+b.seen[p.RequestID])
			}
		}
	}
	return failed
}

// consoleErrors lists severe entries of the page's console.
func (b *browser) consoleErrors() []string {
	b.t.Helper()
	var entries []struct{ Level, Message string }
	b.call("POST", "/se/log", map[string]string{"type": "browser"}, &entries)
	var severe []string
	for _, e := range entries {
		if e.Level == "SEVERE" {
			severe = append(severe, e.Message)
		}
	}
	return severe
}

// requests counts what the browser has asked for so far.
func (b *browser) requests() int { return len(b.seen) }
