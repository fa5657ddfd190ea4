package conf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReferenceIsCurrent(t *testing.T) {
	golden(t, "../docs/configuration.md", Reference())
}

func TestEveryKeyIsDescribed(t *testing.T) {
	seen := map[*key]bool{}
	for _, k := range slices.Concat(topLevel.order, siteLevel.order) {
		if seen[k] {
			continue
		}
		seen[k] = true
		if k.about == "" || !strings.HasSuffix(strings.TrimRight(k.about, "`"), ".") && !strings.HasSuffix(k.about, "`.") {
			t.Errorf("key %q has no sentence about it: %q", k.path, k.about)
		}
		if k.def == "" && k.defText == "" && k.kind != kindMap {
			t.Errorf("key %q has no default", k.path)
		}
		numeric := k.kind == kindInteger || k.kind == kindSize || k.kind == kindDuration
		if numeric && k.max <= k.min {
			t.Errorf("key %q has bounds %d to %d", k.path, k.min, k.max)
		}
		set := map[kind]bool{
			kindText: k.setText != nil, kindChoice: k.setText != nil && len(k.choices) > 1,
			kindInteger: k.setNumber != nil, kindSize: k.setNumber != nil, kindDuration: k.setNumber != nil,
			kindFlag: k.setFlag != nil, kindList: k.setText != nil && k.reset != nil, kindMap: k.setPair != nil,
		}
		if !set[k.kind] {
			t.Errorf("key %q of kind %v has no setter", k.path, k.kind)
		}
	}
}

// TestExampleFile wants docs/sluice.example.toml to be good where its folders
// exist, and to show every table.
func TestExampleFile(t *testing.T) {
	data, err := os.ReadFile("../docs/sluice.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := tree(t, "srv/example/index.html", "srv/app/index.html", "srv/phpmyadmin/index.php", "var/log/sluice/")
	for _, line := range wordpressFiles {
		plant(t, dir, "srv/blog/"+line)
	}
	text := strings.NewReplacer("\"/srv/", "\""+dir+"/srv/", "\"/var/", "\""+dir+"/var/").Replace(string(data))
	c, err := Parse(filepath.Join(dir, "sluice.toml"), []byte(text), Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sites) < 3 || c.Sites[0].App != AppWordPress {
		t.Errorf("sites %+v", c.Sites)
	}
	for _, tab := range tables {
		if !strings.Contains(text, tab.path) {
			t.Errorf("the example does not show %q", tab.path)
		}
	}
}
