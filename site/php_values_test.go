package site

import (
	"errors"
	"fmt"
	"maps"
	"testing"
)

// variantsOf counts what a site asks for, and gives each set its own PHP.
type variantsOf struct {
	asked []map[string]string
	made  []PHPVariant
	err   error
	limit int64
}

func (v *variantsOf) make(ini map[string]string) (PHPVariant, error) {
	v.asked = append(v.asked, maps.Clone(ini))
	if v.err != nil {
		return PHPVariant{}, v.err
	}
	made := PHPVariant{PHP: idlePHP(), BodyMax: v.limit}
	v.made = append(v.made, made)
	return made, nil
}

func TestPHPValuesHaveTheirOwnWorkers(t *testing.T) {
	v := &variantsOf{}
	h := ruled(t, map[string]string{
		"a/.htaccess": "php_value memory_limit 64M\nphp_flag display_errors on\n", "a/x.php": "", "a/y.php": "",
		"b/.htaccess": "php_flag Display_Errors 1\nphp_value memory_limit 32M\nphp_value memory_limit 64M\n", "b/x.php": "",
		"c/.htaccess": "php_value memory_limit 128M\n", "c/x.php": "",
		"a/deep/.htaccess": "php_flag display_errors off\n", "a/deep/x.php": "",
		"a/unset/.htaccess": "php_value memory_limit none\nphp_flag display_errors off\n", "a/unset/x.php": "",
		"engine/.htaccess": "php_flag engine on\n", "engine/x.php": "", "x.php": "", "a/a.txt": "a",
	}, func(o *Options) { o.PHPVariant = v.make })
	sl := h.all[0]
	first := map[string]*variant{}
	for range 2 { // remembered the second time
		for _, target := range []string{"/x.php", "/a/x.php", "/a/y.php", "/b/x.php", "/c/x.php", "/a/deep/x.php", "/a/unset/x.php"} {
			x, _ := ruledScript(t, h, get(target))
			used := x.phpFor(x.plan.ruled)
			if x.request == nil || first[target] != nil && first[target] != used {
				t.Errorf("%s: request %v, variant %p, before %p", target, x.request, used, first[target])
			}
			first[target] = used
			x.Gone()
			x.Reset()
		}
	}
	answered(t, h, get("/a/a.txt")) // a file asks for none
	want := []map[string]string{
		{"memory_limit": "64M", "display_errors": "1"},
		{"memory_limit": "128M"},
		{"memory_limit": "64M", "display_errors": "0"},
		{"display_errors": "0"},
	}
	if len(v.asked) != len(want) {
		t.Fatalf("asked for %v", v.asked)
	}
	for i := range want {
		if !maps.Equal(v.asked[i], want[i]) {
			t.Errorf("asked for %v, want %v", v.asked[i], want[i])
		}
	}
	if first["/a/x.php"] != first["/b/x.php"] || first["/a/x.php"] != first["/a/y.php"] {
		t.Error("the same settings do not share their workers")
	}
	if first["/x.php"] != &sl.plain || first["/x.php"].php != sl.php || first["/a/x.php"].php == sl.php || first["/a/x.php"] == first["/c/x.php"] || first["/a/deep/x.php"] == first["/a/x.php"] {
		t.Error("different settings share workers")
	}
	x, _ := ruledScript(t, h, get("/engine/x.php"))
	if used := x.phpFor(x.plan.ruled); used.php == first["/a/x.php"].php {
		t.Error("php_flag engine is a setting")
	}
}

// Values that look like other settings are not taken for them.
func TestPHPValuesAreNotMixedUp(t *testing.T) {
	v := &variantsOf{}
	h := ruled(t, map[string]string{
		"a/.htaccess": "php_value a \"1, b=2\"\n", "a/x.php": "",
		"b/.htaccess": "php_value a 1\nphp_value b 2\n", "b/x.php": "",
	}, func(o *Options) { o.PHPVariant = v.make })
	for _, target := range []string{"/a/x.php", "/b/x.php"} {
		ruledScript(t, h, get(target))
	}
	if len(v.asked) != 2 || !maps.Equal(v.asked[0], map[string]string{"a": "1, b=2"}) || !maps.Equal(v.asked[1], map[string]string{"a": "1", "b": "2"}) {
		t.Errorf("asked for %q", v.asked)
	}
}

// Without workers of their own, the scripts run with the site's, and the log says
// so, once.
func TestPHPValuesThatCantBe(t *testing.T) {
	failing := &variantsOf{err: errors.New("too many pools")}
	for name, tt := range map[string]struct {
		make func(map[string]string) (PHPVariant, error)
		why  string
	}{
		"error": {failing.make, "too many pools"},
		"no":    {nil, "PHP is not run by sluice"},
	} {
		h := ruled(t, map[string]string{".htaccess": "php_value memory_limit 64M\n", "x.php": "", "y.php": ""}, func(o *Options) { o.PHPVariant = tt.make })
		for i, target := range []string{"/x.php", "/x.php", "/y.php"} {
			x, rec := ruledScript(t, h, get(target))
			if x.phpFor(x.plan.ruled).php != h.all[0].php {
				t.Errorf("%s: not the site's own PHP", name)
			}
			if told := rec.reported(tt.why) && rec.reported("memory_limit=64M"); told != (i == 0) {
				t.Errorf("%s: request %d: reports %+v", name, i, rec.reports)
			}
		}
	}
	if len(failing.asked) != 1 {
		t.Errorf("asked %d times", len(failing.asked))
	}
}

// A variant's own post_max_size counts for its scripts.
func TestPHPValuesAndContent(t *testing.T) {
	v := &variantsOf{limit: 200}
	h := ruled(t, map[string]string{
		"big/.htaccess": "php_value post_max_size 200\n", "big/x.php": "", "x.php": "", "big/low/.htaccess": "LimitRequestBody 50\n", "big/low/x.php": "",
	}, func(o *Options) { o.PHPVariant = v.make })
	for _, tt := range []struct {
		target string
		octets int
		status int
	}{
		{"/x.php", 100, 0}, {"/x.php", 101, 413}, {"/big/x.php", 200, 0}, {"/big/x.php", 201, 413}, {"/big/low/x.php", 50, 0}, {"/big/low/x.php", 51, 413},
	} {
		x, rec := exchange(t, request("POST", tt.target, "Host: x", fmt.Sprintf("Content-Length: %d", tt.octets)))
		if h.Serve(visitor(x)); rec.status != tt.status {
			t.Errorf("%s, %d octets: %d, want %d", tt.target, tt.octets, rec.status, tt.status)
		}
		x, rec = exchange(t, request("POST", tt.target, "Host: x", "Transfer-Encoding: chunked"))
		h.Serve(visitor(x))
		if x.Content(make([]byte, tt.octets)); rec.status != tt.status {
			t.Errorf("%s, %d octets in chunks: %d, want %d", tt.target, tt.octets, rec.status, tt.status)
		}
	}
}
