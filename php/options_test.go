package php

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOptionsCheckNamesAllFaults(t *testing.T) {
	o := Options{
		Workers:     -1,
		MaxRequests: -5,
		Ini:         map[string]string{"a b": "1", "ok": "x\ny", "fine": "1"},
		Env:         map[string]string{"HTTP_PROXY": "x", "PHP_FCGI_CHILDREN": "9", "A=B": "", "N": "a\x00", "FINE": "=", "http_proxy": "x"},
	}
	err := o.check()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`php-cgi ""`, "-1 workers", "requests -5", `"a b"`, `setting ok`, `"HTTP_PROXY"`, `"PHP_FCGI_CHILDREN"`, `"A=B"`, `"N"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %s: %v", want, err)
		}
	}
	for _, not := range []string{"fine", "FINE"} {
		if strings.Contains(err.Error(), not) {
			t.Errorf("error names %s: %v", not, err)
		}
	}
	if runtime.GOOS != "windows" && strings.Contains(err.Error(), "http_proxy") {
		t.Errorf("http_proxy is refused: %v", err)
	}
}

func TestSettingsPrecedence(t *testing.T) {
	o := Options{RequestTime: time.Second + 1, BodyMaxBytes: 10, Ini: map[string]string{"upload_max_filesize": "5", "x": "y"}}
	got := string(renderIni(o.settings()))
	want := "max_execution_time = '2'\npost_max_size = '10'\nupload_max_filesize = '5'\nx = 'y'\n"
	if _, settings, _ := strings.Cut(got, "\n"); settings != want {
		t.Errorf("settings = %q, want %q", settings, want)
	}
	if got := (&Options{}).settings(); len(got) != 0 {
		t.Errorf("no limits imply %v", got)
	}
}

func TestEnvironment(t *testing.T) {
	base := []string{"PATH=/p", "LC_ALL=C", "HTTP_PROXY=x", "AWS_SECRET=x", "LD_PRELOAD=x", "PHP_FCGI_CHILDREN=99", "malformed"}
	o := &Options{MaxRequests: 500, Env: map[string]string{"FOO": "1", "PATH": "/q", "PHP_INI_SCAN_DIR": "/mine"}}
	sep := ":"
	if runtime.GOOS == "windows" {
		sep = ";"
	}
	want := []string{"FOO=1", "LC_ALL=C", "PATH=/q", "PHP_FCGI_CHILDREN=4", "PHP_FCGI_MAX_REQUESTS=2000", "PHP_INI_SCAN_DIR=/mine" + sep + "/ini"}
	if runtime.GOOS == "windows" {
		want = slices.DeleteFunc(want, func(e string) bool { return e == "LC_ALL=C" })
		base = slices.DeleteFunc(base, func(e string) bool { return e == "LC_ALL=C" })
	}
	if got := environment(base, o, 4, "/ini"); !slices.Equal(got, want) {
		t.Errorf("environment = %q, want %q", got, want)
	}
	got := environment(nil, &Options{}, 0, "/ini")
	if slices.ContainsFunc(got, func(e string) bool { return strings.HasPrefix(e, "PHP_FCGI_CHILDREN") }) {
		t.Errorf("a process that serves by itself has children: %q", got)
	}
	if !slices.Contains(got, "PHP_FCGI_MAX_REQUESTS=0") || !slices.Contains(got, "PHP_INI_SCAN_DIR="+sep+"/ini") {
		t.Errorf("environment = %q", got)
	}
}

func TestResolveMode(t *testing.T) {
	tests := []struct {
		mode Mode
		goos string
		want Mode
		ok   bool
	}{
		{ModeAuto, "linux", ModeShared, true},
		{ModeAuto, "darwin", ModeSingle, true},
		{ModeAuto, "windows", ModeSingleTCP, true},
		{ModeShared, "darwin", ModeShared, true},
		{ModeShared, "windows", 0, false},
		{ModeSingle, "windows", 0, false},
		{ModeSingleTCP, "linux", ModeSingleTCP, true},
		{Mode(9), "linux", 0, false},
	}
	for _, tt := range tests {
		if got, err := resolveMode(tt.mode, tt.goos); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("resolveMode(%s, %s) = %s, %v; want %s", tt.mode, tt.goos, got, err, tt.want)
		}
	}
}
