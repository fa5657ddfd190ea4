package conf

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// siteOf reads a configuration of one site.
func siteOf(t *testing.T, dir, text string) *Site {
	t.Helper()
	c, err := Parse(filepath.Join(dir, "sluice.toml"), []byte("[[site]]\n"+text), Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	return &c.Sites[0]
}

// refused are the names of the links that a site does not follow.
func refused(s *Site) (names []string) {
	for _, l := range s.Refused {
		names = append(names, l.Name)
	}
	return names
}

// linkedSite has links out of its document root, all made by whom the targets
// belong to: some where WordPress has some, one where it has none.
func linkedSite(t *testing.T, wordpress bool) (dir, out string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("making a link takes a privilege there")
	}
	out = tree(t, "media/a.png", "plugin/a.php", "other/secret.txt", "mine/x.txt")
	dir = tree(t, "www/index.php", "www/wp-content/plugins/", "www/in.txt",
		"www/own -> in.txt",
		"www/.secret -> "+filepath.Join(out, "other"),
		"www/wp-content/uploads -> "+filepath.Join(out, "media"),
		"www/wp-content/plugins/mine -> "+filepath.Join(out, "plugin"),
		"www/wp-content/etc -> /etc",
		"www/other -> "+filepath.Join(out, "other"),
		"www/mine -> "+filepath.Join(out, "mine"),
	)
	if wordpress {
		for _, line := range []string{"wp-load.php", "wp-includes/version.php"} {
			plant(t, dir, "www/"+line)
		}
	}
	return dir, out
}

// Links out of the document root are followed where the configuration, or, unless it
// says how, a known application has them; nowhere else, whoever made them.
func TestSiteLinks(t *testing.T) {
	for _, tt := range []struct {
		name      string
		wordpress bool
		text      string
		into      []string // below the folder outside
		refused   []string
	}{
		{"plain", false, "", nil, []string{"/mine", "/other"}},
		{"plain, auto", false, `symlinks = "auto"`, nil, []string{"/mine", "/other"}},
		{"plain, one named", false, `follow_into = ["OUT/mine"]`, []string{"mine"}, []string{"/other"}},
		{"plain, strict", false, "symlinks = \"inside\"\nfollow_into = [\"OUT/mine\"]", []string{"mine"}, []string{"/other"}},
		{"plain, an alias", false, `aliases = {"/m" = "OUT/mine"}`, nil, []string{"/other"}},
		{"plain, all", false, `symlinks = "follow"`, nil, nil},
		{"wordpress", true, "", []string{"media", "plugin"}, []string{"/mine", "/other", "/wp-content/etc"}},
		{
			"wordpress, strict", true, `symlinks = "inside"`, nil,
			[]string{"/mine", "/other", "/wp-content/etc", "/wp-content/uploads", "/wp-content/plugins/mine"},
		},
		{
			"wordpress, strict, one named", true, "symlinks = \"inside\"\nfollow_into = [\"OUT/media\"]",
			[]string{"media"},
			[]string{"/mine", "/other", "/wp-content/etc", "/wp-content/plugins/mine"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, out := linkedSite(t, tt.wordpress)
			s := siteOf(t, dir, "root = \"www\"\nphp = \"off\"\n"+strings.ReplaceAll(tt.text, "OUT", out))
			var into []string
			for _, name := range tt.into {
				into = append(into, filepath.Join(out, name))
			}
			follows := union(s.FollowInto, s.FollowFound)
			slices.Sort(follows)
			if !slices.Equal(follows, into) {
				t.Errorf("follows into %q, want %q", follows, into)
			}
			if got := refused(s); !slices.Equal(got, tt.refused) {
				t.Errorf("refuses %q, want %q", got, tt.refused)
			}
			text := s.RefusedText()
			if (text == "") != (len(tt.refused) == 0) {
				t.Errorf("text %q for %q", text, tt.refused)
			}
			if slices.Contains(tt.refused, "/other") && !strings.Contains(text, `follow_into = [`) || strings.Count(text, " -> ") != len(tt.refused) {
				t.Errorf("text %q does not say what to write for %q", text, tt.refused)
			}
		})
	}
}

// What is written as the text of the refusal says is taken, and then refuses nothing.
func TestRefusedTextHelps(t *testing.T) {
	dir, _ := linkedSite(t, true)
	s := siteOf(t, dir, "root = \"www\"\nphp = \"off\"\n")
	_, write, ok := strings.Cut(s.RefusedText(), "follow_into = ")
	if !ok {
		t.Fatalf("text %q", s.RefusedText())
	}
	if s = siteOf(t, dir, "root = \"www\"\nphp = \"off\"\nfollow_into = "+write+"\n"); len(s.Refused) > 0 {
		t.Errorf("with follow_into = %s: still %q", write, refused(s))
	}
}

// A release behind a switched link is like any document root, and links of the
// application into what releases share are followed.
func TestReleases(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making a link takes a privilege there")
	}
	dir := tree(t,
		"app/shared/uploads/a.png", "app/releases/1/public/index.php", "app/current -> releases/1",
		"app/releases/1/public/own -> ../public/index.php",
		"app/releases/1/public/wp-content/uploads -> ../../../../shared/uploads",
		"app/releases/1/public/wp-load.php", "app/releases/1/public/wp-includes/version.php",
	)
	s := siteOf(t, dir, "root = \"app/current/public\"\nphp = \"off\"\n")
	if want := []string{filepath.Join(dir, "app/shared/uploads")}; !slices.Equal(s.FollowFound, want) || len(s.FollowInto) > 0 || len(s.Refused) > 0 {
		t.Errorf("follows into %q, want %q; refuses %q", s.FollowFound, want, refused(s))
	}
}

// An owner may link to what is his; who is neither root nor the owner may not.
func TestForeignLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes links of others")
	}
	dir, _ := linkedSite(t, true)
	if err := os.Lchown(filepath.Join(dir, "www/wp-content/plugins/mine"), 65534, -1); err != nil {
		t.Fatal(err)
	}
	if got := refused(siteOf(t, dir, "root = \"www\"\nphp = \"off\"\n")); !slices.Contains(got, "/wp-content/plugins/mine") {
		t.Errorf("refuses %q", got)
	}
}

// What is found is settled: a link that stands for it later changes nothing. Uploads of
// Laravel that somebody has let lead to what is the system's are not followed into.
func TestSettledFolders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making a link takes a privilege there")
	}
	app := []string{"app/shared/storage/app/public/", "app/1/artisan", "app/1/composer.json", "app/1/public/index.php", "app/1/storage -> ../shared/storage", "app/current -> 1"}
	dir := tree(t, append(app, "app/1/public/storage -> ../../shared/storage/app/public")...)
	s := siteOf(t, dir, "root = \"app/current\"\nphp = \"off\"\n")
	if want := []string{filepath.Join(dir, "app/shared/storage/app/public")}; !slices.Equal(s.FollowFound, want) || len(s.Refused) > 0 {
		t.Errorf("follows into %q, want %q; refuses %q", s.FollowFound, want, refused(s))
	}
	dir = tree(t, "artisan", "composer.json", "public/index.php", "storage/app/public -> /etc", "public/storage -> ../storage/app/public")
	s = siteOf(t, dir, "root = \".\"\nphp = \"off\"\n")
	if len(s.FollowFound) > 0 || !slices.Equal(refused(s), []string{"/storage"}) {
		t.Errorf("follows into %q, refuses %q", s.FollowFound, refused(s))
	}
}

func TestSystemFolders(t *testing.T) {
	for name, want := range map[string]bool{
		"/": true, "/etc": true, "/etc/passwd": true, "/proc/1/environ": true, "/sys": true, "/dev/null": true, "/root": true, "/home": true,
		"/home/ann": true, "/var": true, "/var/lib": true, "/usr": true, "/usr/share": true, "/var/log/nginx": true, "/run/sluice": true,
		"/home/ann/plugins": false, "/var/lib/wordpress/wp-content": false, "/usr/share/javascript/jquery": false, "/srv/shared": false,
		"/etcetera": false, "/mnt/media": false,
	} {
		if runtime.GOOS != "windows" && isSystem(name) != want {
			t.Errorf("isSystem(%q) = %v", name, !want)
		}
	}
}

// The whole of Debian's packages works by itself, and nothing is said of it.
func TestDebianPackagesRefuseNothing(t *testing.T) {
	for _, dir := range []string{"/usr/share/wordpress", "/usr/share/phpmyadmin", "/usr/share/mediawiki", "/var/lib/mediawiki", "/usr/share/dokuwiki"} {
		if !isDir(dir) {
			t.Logf("%s is not installed", dir)
			continue
		}
		if s := siteOf(t, t.TempDir(), "root = \""+dir+"\"\nphp = \"off\"\n"); len(s.Refused) > 0 {
			t.Errorf("%s: %s", dir, s.RefusedText())
		}
	}
}
