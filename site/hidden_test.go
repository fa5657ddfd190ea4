package site

import (
	"testing"

	"sluice/static"
)

// Both modes say the same of folders whose names would hide a file.
func TestHiddenFoldersAgree(t *testing.T) {
	dir := tree(t, map[string]string{"x.bak/index.html": "xb", "a~/index.html": "a", ".htfoo/index.html": "hf", ".htbar/x": "", "cvs/index.html": "cv", "x.bak/b.bak/x": ""})
	for mode, of := range map[string]func(string) Options{"plain": options, "rules": ruledOptions} {
		for policy, cases := range map[static.Policy]map[string]int{
			static.Refuse: {"/x.bak": 404, "/x.bak/": 404, "/x.bak/index.html": 200, "/x.bak/b.bak/": 404, "/a~": 404, "/a~/": 404, "/.htfoo/": 404, "/cvs": 301, "/cvs/": 200},
			// As Apache 2.4 answers by <FilesMatch "^\.ht">.
			static.Apache: {"/x.bak": 301, "/x.bak/": 200, "/.htfoo": 403, "/.htfoo/": 200, "/.htfoo/index.html": 200, "/.htfoo/none": 404, "/.htbar/": 403, "/.htnone": 403, "/.htnone/": 403, "/denied.d/": 404},
		} {
			o := of(dir)
			o.Hidden, o.Deny = policy, below{"/denied.d"}
			h := hostOf(t, o)
			t.Cleanup(h.Close)
			for target, want := range cases {
				if rec := answered(t, h, get(target)); rec.status != want {
					t.Errorf("%s, %v, %s: %d, want %d", mode, policy, target, rec.status, want)
				}
			}
		}
	}
}
