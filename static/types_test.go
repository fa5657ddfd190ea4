package static

import (
	"strings"
	"testing"
)

func TestTypes(t *testing.T) {
	types := NewTypes(map[string]string{".Foo": "text/foo", "css": "text/x-own", "bin": "", "html": "text/html"})
	for name, want := range map[string]string{
		"/a/b.JS":                         "text/javascript; charset=utf-8",
		"/a.tar.gz":                       "application/gzip",
		"/x.json":                         "application/json",
		"/x.svg":                          "image/svg+xml",
		"/x.svgz":                         "image/svg+xml",
		"/x.woff2":                        "font/woff2",
		"/x.xml":                          "application/xml",
		"/x.txt":                          "text/plain; charset=utf-8",
		"/x.foo":                          "text/foo",
		"/x.css":                          "text/x-own",
		"/x.html":                         "text/html",
		"/x.bin":                          "",
		"/LICENSE":                        DefaultType,
		"/x.":                             DefaultType,
		"/a.css/x":                        DefaultType,
		"/x.nosuchext":                    DefaultType,
		"/x.an-extension-longer-than-any": DefaultType,
		"":                                DefaultType,
	} {
		if got := types.Of([]byte(name)); got != want {
			t.Errorf("Of(%q) = %q, want %q", name, got, want)
		}
	}
	if got := NewTypes(map[string]string{"": "text/plain"}).Of([]byte("/LICENSE")); got != "text/plain" {
		t.Errorf("own default: %q", got)
	}
	if got := NewTypes(nil).Of([]byte("/x.css")); got != "text/css; charset=utf-8" {
		t.Errorf("css: %q", got)
	}
}

func TestTypesTable(t *testing.T) {
	seen := map[string]string{}
	for mediaType, exts := range builtinTypes {
		if strings.Count(mediaType, "/") != 1 || strings.ToLower(mediaType) != mediaType {
			t.Errorf("type %q", mediaType)
		}
		for ext := range strings.FieldsSeq(exts) {
			if other, ok := seen[ext]; ok {
				t.Errorf("extension %q is %s and %s", ext, other, mediaType)
			}
			if len(ext) > 16 || strings.ToLower(ext) != ext {
				t.Errorf("extension %q cannot be found", ext)
			}
			seen[ext] = mediaType
		}
	}
	if len(seen) < 150 {
		t.Errorf("%d extensions", len(seen))
	}
}

func TestCompressible(t *testing.T) {
	for contentType, want := range map[string]bool{
		"text/html; charset=utf-8": true, "TEXT/css": true, "application/json": true, "image/svg+xml": true,
		"application/ld+json ; x=y": true, "application/wasm": true, "image/png": false, "font/woff2": false,
		"application/zip": false, "": false, "video/mp4": false, DefaultType: false, "font/ttf": true,
	} {
		if got := Compressible(contentType); got != want {
			t.Errorf("Compressible(%q) = %v", contentType, got)
		}
	}
}
