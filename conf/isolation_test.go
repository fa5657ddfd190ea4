package conf

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

func parseIn(t *testing.T, dir, text string) (*Config, string) {
	t.Helper()
	c, err := Parse(filepath.Join(dir, "sluice.toml"), []byte(text), Overrides{})
	if err != nil {
		return nil, strings.ReplaceAll(err.Error(), dir, "DIR")
	}
	return c, ""
}

func TestAccounts(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := tree(t, "site/index.php")
	c, fault := parseIn(t, dir, "[[site]]\nroot = \"site\"\nphp.user = \""+me.Username+"\"\n")
	if fault != "" {
		t.Fatal(fault)
	}
	a := c.Sites[0].PHP.Isolation.Account
	if a == nil || a.Name != me.Username || a.Home != me.HomeDir || len(a.Groups) == 0 {
		t.Errorf("account %+v, want %+v", a, me)
	}
	c, fault = parseIn(t, dir, "[[site]]\nroot = \"site\"\nphp = { user = \"54321\", group = \"54322\" }\n")
	if fault != "" {
		t.Fatal(fault)
	}
	if a := c.Sites[0].PHP.Isolation.Account; a.UID != 54321 || a.GID != 54322 || a.Name != "" || a.Groups != nil {
		t.Errorf("account of a number %+v", a)
	}
	for _, tt := range []struct{ text, want string }{
		{`user = "` + me.Username + `x"`, "DIR/sluice.toml:3:16: \"php.user\": there is no user \"" + me.Username + "x\" on this machine; did you mean \"" + me.Username + "\"?"},
		{`user = "sluice-nobody-has-this-name"`, "create it: useradd --system --user-group sluice-nobody-has-this-name"},
		{`user = "0", group = "sluice-no-such-group"`, "\"php.group\": there is no group \"sluice-no-such-group\" on this machine; create it: groupadd --system sluice-no-such-group"},
		{`user = "a:b"`, `"a:b" is no name of a user or group`},
		{`user = "4294967295"`, "there is no user"},
		{`group = "0"`, `group "0" needs a user; add php.user`},
	} {
		if _, got := parseIn(t, dir, "[[site]]\nroot = \"site\"\nphp = { "+tt.text+" }\n"); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q does not have %q", tt.text, got, tt.want)
		}
	}
}

func TestChroot(t *testing.T) {
	dir := tree(t, "app/composer.json", "app/public/index.php", "other/index.php", "link -> app")
	for _, tt := range []struct{ root, php, chroot, fault string }{
		{"app", `manager = "fpm", chroot = true`, "DIR/app", ""},
		{"link", `manager = "fpm", chroot = true`, "DIR/app", ""},
		{"app", `manager = "fpm", chroot = "app"`, "DIR/app", ""},
		{"app", `manager = "fpm", chroot = "."`, "DIR", ""},
		{"app", `manager = "fpm", chroot = ".", state = "keep"`, "DIR", ""},
		{"app", `chroot = false`, "", ""},
		{"other", `state = "other"`, "", "is the document root"},
		{"app", `chroot = true`, "", `php.manager = "fpm"`},
		{"app", `manager = "fpm", chroot = "/"`, "", "root of the file system anyway"},
		{"app", `manager = "fpm", chroot = 1`, "", "takes a string, true or false, not an integer"},
		{"app", `manager = "fpm", chroot = "nowhere"`, "", "no such file"},
		{"app", `manager = "fpm", chroot = "other"`, "", `document root "DIR/app/public" is not in the chroot "DIR/other"`},
		{"app", `manager = "fpm", chroot = true, state = "keep"`, "", `"DIR/keep" is not in the chroot`},
		{"app", `manager = "fpm", chroot = true, use = "unix:/run/x.sock"`, "", "not run by sluice"},
	} {
		c, got := parseIn(t, dir, "[[site]]\nroot = \""+tt.root+"\"\nphp = { "+tt.php+" }\n")
		if tt.fault != "" || got != "" {
			if tt.fault == "" || !strings.Contains(got, tt.fault) {
				t.Errorf("%s: fault %q, want %q", tt.php, got, tt.fault)
			}
			continue
		}
		if jail := strings.Replace(c.Sites[0].PHP.Isolation.Chroot, dir, "DIR", 1); jail != tt.chroot {
			t.Errorf("%s: %q, want %q", tt.php, jail, tt.chroot)
		}
	}
	_, got := parseIn(t, dir, "[[site]]\nroot = \"app\"\ncgi.extensions = [\".cgi\"]\nphp = { manager = \"fpm\", chroot = true }\n")
	if !strings.Contains(got, "CGI programs of the site would run outside") {
		t.Errorf("CGI programs beside a chroot: %q", got)
	}
}

// Every site has its own: nothing is shared by what they inherit.
func TestIsolationInherited(t *testing.T) {
	dir := tree(t, "a/index.php", "b/index.php", "state/")
	c, fault := parseIn(t, dir, "php.state = \"state\"\nphp.user = \"54321\"\n[[site]]\nnames = \"a\"\nroot = \"a\"\nphp.user = \"54322\"\n[[site]]\nnames = \"b\"\nroot = \"b\"\nphp.state = \"off\"\n")
	if fault != "" {
		t.Fatal(fault)
	}
	a, b := c.Sites[0].PHP.Isolation, c.Sites[1].PHP.Isolation
	if a.Account.UID != 54322 || b.Account.UID != 54321 || a.State != filepath.Join(dir, "state") || b.State != StateOff {
		t.Errorf("a %+v, b %+v", a, b)
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); err != nil {
		t.Error(err)
	}
}
