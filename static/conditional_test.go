package static

import (
	"testing"
	"time"
)

func TestEvaluate(t *testing.T) {
	const (
		modified = "Sun, 06 Nov 1994 08:49:37 GMT"
		earlier  = "Sun, 06 Nov 1994 08:49:36 GMT"
		later    = "Sun, 06 Nov 1994 08:49:38 GMT"
	)
	strong := Validators{HasModified: true, Modified: 784111777}
	strong.Tags[0], strong.Tags[1] = []byte(`"a"`), []byte(`"a-gz"`)
	weak := Validators{}
	weak.Tags[0] = []byte(`W/"a"`)
	tests := []struct {
		name   string
		method string
		v      *Validators
		fields []string
		want   Outcome
		tag    string
	}{
		{"none", "GET", &strong, nil, Proceed, ""},
		{"INM equal", "GET", &strong, []string{"If-None-Match", `"a"`}, NotModified, `"a"`},
		{"INM equal, HEAD", "HEAD", &strong, []string{"If-None-Match", `"a"`}, NotModified, `"a"`},
		{"INM equal, POST", "POST", &strong, []string{"If-None-Match", `"a"`}, PreconditionFailed, ""},
		{"INM weak equals strong", "GET", &strong, []string{"If-None-Match", `W/"a"`}, NotModified, `"a"`},
		{"INM strong equals weak", "GET", &weak, []string{"If-None-Match", `"a"`}, NotModified, `W/"a"`},
		{"INM other form", "GET", &strong, []string{"If-None-Match", `"a-gz"`}, NotModified, `"a-gz"`},
		{"INM both forms, selected wins", "GET", &strong, []string{"If-None-Match", `"a-gz", "a"`}, NotModified, `"a"`},
		{"INM list", "GET", &strong, []string{"If-None-Match", `"x" ,W/"y",,"a"`}, NotModified, `"a"`},
		{"INM lines", "GET", &strong, []string{"If-None-Match", `"x"`, "if-none-match", `"a"`}, NotModified, `"a"`},
		{"INM star", "GET", &strong, []string{"If-None-Match", "*"}, NotModified, `"a"`},
		{"INM differs", "GET", &strong, []string{"If-None-Match", `"b"`}, Proceed, ""},
		{"INM comma in tag", "GET", &strong, []string{"If-None-Match", `"x,"a""`}, Proceed, ""},
		{"INM unquoted", "GET", &strong, []string{"If-None-Match", `a`}, Proceed, ""},
		{"INM half quoted", "GET", &strong, []string{"If-None-Match", `"a`}, Proceed, ""},
		{"INM lower case w", "GET", &strong, []string{"If-None-Match", `w/"a"`}, Proceed, ""},
		{"INM differs hides IMS", "GET", &strong, []string{"If-None-Match", `"b"`, "If-Modified-Since", later}, Proceed, ""},
		{"IMS equal", "GET", &strong, []string{"If-Modified-Since", modified}, NotModified, `"a"`},
		{"IMS later", "GET", &strong, []string{"If-Modified-Since", later}, NotModified, `"a"`},
		{"IMS earlier", "GET", &strong, []string{"If-Modified-Since", earlier}, Proceed, ""},
		{"IMS POST", "POST", &strong, []string{"If-Modified-Since", modified}, Proceed, ""},
		{"IMS broken", "GET", &strong, []string{"If-Modified-Since", "yesterday"}, Proceed, ""},
		{"IMS twice", "GET", &strong, []string{"If-Modified-Since", modified, "If-Modified-Since", modified}, Proceed, ""},
		{"IMS without date", "GET", &weak, []string{"If-Modified-Since", later}, Proceed, ""},
		{"IM equal", "GET", &strong, []string{"If-Match", `"a"`}, Proceed, ""},
		{"IM other form", "GET", &strong, []string{"If-Match", `"a-gz"`}, Proceed, ""},
		{"IM star", "GET", &strong, []string{"If-Match", "*"}, Proceed, ""},
		{"IM weak", "GET", &strong, []string{"If-Match", `W/"a"`}, PreconditionFailed, ""},
		{"IM of a weak one", "GET", &weak, []string{"If-Match", `"a"`}, PreconditionFailed, ""},
		{"IM both weak", "GET", &weak, []string{"If-Match", `W/"a"`}, PreconditionFailed, ""},
		{"IM differs", "GET", &strong, []string{"If-Match", `"b"`}, PreconditionFailed, ""},
		{"IM empty", "GET", &strong, []string{"If-Match", ""}, PreconditionFailed, ""},
		{"IM equal hides IUS", "GET", &strong, []string{"If-Match", `"a"`, "If-Unmodified-Since", earlier}, Proceed, ""},
		{"IM equal then INM", "GET", &strong, []string{"If-Match", `"a"`, "If-None-Match", `"a"`}, NotModified, `"a"`},
		{"IUS equal", "GET", &strong, []string{"If-Unmodified-Since", modified}, Proceed, ""},
		{"IUS earlier", "GET", &strong, []string{"If-Unmodified-Since", earlier}, PreconditionFailed, ""},
		{"IUS broken", "GET", &strong, []string{"If-Unmodified-Since", "x"}, Proceed, ""},
		{"IUS then IMS", "GET", &strong, []string{"If-Unmodified-Since", modified, "If-Modified-Since", modified}, NotModified, `"a"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, tag := Evaluate(request(tt.method, tt.fields...), tt.v, testNow)
			if got != tt.want || string(tag) != tt.tag {
				t.Errorf("%q: %s, %q, want %s, %q", tt.fields, got, tag, tt.want, tt.tag)
			}
		})
	}
}

func TestRangeApplies(t *testing.T) {
	v := Validators{HasModified: true, Modified: 784111777}
	tests := []struct {
		fields []string
		tag    string
		want   bool
	}{
		{nil, `"a"`, true},
		{[]string{"If-Range", `"a"`}, `"a"`, true},
		{[]string{"If-Range", `"b"`}, `"a"`, false},
		{[]string{"If-Range", `W/"a"`}, `"a"`, false},
		{[]string{"If-Range", `W/"a"`}, `W/"a"`, false},
		{[]string{"If-Range", "Sun, 06 Nov 1994 08:49:37 GMT"}, `"a"`, true},
		{[]string{"If-Range", "Sun Nov  6 08:49:37 1994"}, `"a"`, true},
		{[]string{"If-Range", "Sun, 06 Nov 1994 08:49:38 GMT"}, `"a"`, false},
		{[]string{"If-Range", ""}, `"a"`, false},
		{[]string{"If-Range", `"a"`, "If-Range", `"a"`}, `"a"`, false},
	}
	for _, tt := range tests {
		var c conditions
		c.collect(request("GET", tt.fields...))
		if got := c.rangeApplies([]byte(tt.tag), &v, testNow); got != tt.want {
			t.Errorf("%q against %s: %v", tt.fields, tt.tag, got)
		}
	}
}

func TestETag(t *testing.T) {
	mtime := time.Unix(0x65000000, 0x1234)
	tests := []struct {
		s    stamp
		c    Coding
		want string
	}{
		{stampSettled, Identity, `"65000000-2a"`},
		{stampSettled, Gzip, `"65000000-2a-gz"`},
		{stampFuture, Brotli, `"65000000-2a-br"`},
		{stampYoung, Identity, `W/"65000000-2a-1234"`},
		{stampYoung, Zstd, `W/"65000000-2a-1234-zst"`},
	}
	for _, tt := range tests {
		if got := string(makeETag(mtime, 42, tt.s, tt.c)); got != tt.want {
			t.Errorf("%d, %s: %s, want %s", tt.s, tt.c, got, tt.want)
		}
	}
}

func TestStamp(t *testing.T) {
	mtime := time.Unix(1000, 900e6)
	for after, want := range map[time.Duration]stamp{
		-2 * time.Second:       stampFuture,
		0:                      stampYoung,
		100 * time.Millisecond: stampYoung, // the next second, within the slack
		200 * time.Millisecond: stampSettled,
		time.Hour:              stampSettled,
	} {
		if got := stampOf(mtime, mtime.Add(after)); got != want {
			t.Errorf("%s after: %d, want %d", after, got, want)
		}
	}
}

func FuzzConditions(f *testing.F) {
	f.Add(`"a", W/"b"`, `"a"`, "Sun, 06 Nov 1994 08:49:37 GMT", "*")
	f.Add(`W/`, `"`, "", `""`)
	f.Fuzz(func(t *testing.T, inm, im, date, ifRange string) {
		v := Validators{HasModified: true, Modified: 784111777}
		v.Tags[0] = []byte(`"a"`)
		req := request("GET", "If-None-Match", inm, "If-Match", im, "If-Modified-Since", date, "If-Range", ifRange)
		got, tag := Evaluate(req, &v, testNow)
		if (got == NotModified) != (tag != nil) {
			t.Fatalf("%s with tag %q", got, tag)
		}
	})
}
