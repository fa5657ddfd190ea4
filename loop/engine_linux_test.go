package loop

import "testing"

func TestOldLinux(t *testing.T) {
	for release, old := range map[string]bool{
		"6.18.44-fc-v595": false, "6.18": false, "6.19.0-rc1": false, "7.0.1": false, "10.1": false,
		"6.17.9": true, "6.1.0-13-amd64": true, "5.19.0": true, "": true, "next": true,
	} {
		if err := oldLinux(release); (err != nil) != old {
			t.Errorf("%q: %v", release, err)
		}
	}
}
