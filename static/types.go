package static

import (
	"bytes"
	"os"
	"strings"
)

// DefaultType is the type of files whose extension is not known. Browsers do
// not guess at it, so that an upload without an extension is no HTML page.
const DefaultType = "application/octet-stream"

// Types maps file names to content types. It is not changed after NewTypes
// and may be shared by loops.
type Types struct {
	byExt    map[string]string
	fallback string
}

// NewTypes returns the built-in table with a site's additions. Their keys are
// extensions, with or without the dot, in any case; values are whole
// Content-Type values. The key "" sets the type of unknown files, and a value
// "" takes a type away, so that no Content-Type is sent.
func NewTypes(additions map[string]string) *Types {
	t := &Types{byExt: make(map[string]string, 256), fallback: DefaultType}
	for mediaType, exts := range builtinTypes {
		value := mediaType
		if wantsCharset(mediaType) {
			value += "; charset=utf-8"
		}
		for ext := range strings.FieldsSeq(exts) {
			t.byExt[ext] = value
		}
	}
	for ext, value := range additions {
		if ext = strings.ToLower(strings.TrimPrefix(ext, ".")); ext == "" {
			t.fallback = value
			continue
		}
		t.byExt[ext] = value
	}
	return t
}

// Media lists the media types by extension, without their parameters.
func (t *Types) Media() map[string]string {
	m := make(map[string]string, len(t.byExt))
	for ext, value := range t.byExt {
		m[ext] = mediaTypeOf(value)
	}
	return m
}

// SystemTypes is the table of media types that Apache reads, by extension; nil
// where the system has none.
func SystemTypes() map[string]string {
	text, err := os.ReadFile("/etc/mime.types")
	if err != nil {
		return nil
	}
	m := map[string]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0][0] == '#' {
			continue
		}
		for _, ext := range words[1:] {
			m[strings.ToLower(ext)] = words[0]
		}
	}
	return m
}

// mediaTypeOf cuts the parameters off a Content-Type value.
func mediaTypeOf(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.TrimRight(media, " \t")
}

// Of returns the Content-Type for a file name or path; its last extension
// counts.
func (t *Types) Of(name []byte) string {
	var buf [16]byte
	ext := extension(buf[:0], name)
	if value, ok := t.byExt[string(ext)]; ok && len(ext) > 0 {
		return value
	}
	return t.fallback
}

// contentCodingOf is the coding that a file is stored in by definition of its
// extension: SVG as .svgz is shown by browsers only as a gzip-coded image.
func contentCodingOf(name []byte) Coding {
	var buf [16]byte
	if string(extension(buf[:0], name)) == "svgz" {
		return Gzip
	}
	return Identity
}

// extension appends the last extension in lower case, without the dot;
// nothing if there is none or it does not fit into dst's capacity.
func extension(dst, name []byte) []byte {
	name = name[bytes.LastIndexByte(name, '/')+1:]
	dot := bytes.LastIndexByte(name, '.')
	if dot < 0 || len(name)-dot-1 > cap(dst) {
		return dst
	}
	return fold(dst, name[dot+1:])
}

// wantsCharset: text types are UTF-8 nowadays, and without the parameter
// browsers guess. Not JSON, which is UTF-8 by definition (RFC 8259), nor XML,
// which says so itself.
func wantsCharset(mediaType string) bool {
	switch mediaType {
	case "text/xml", "text/rtf":
		return false
	}
	return strings.HasPrefix(mediaType, "text/")
}

// Compressible tells whether content of a type gets smaller by compression.
func Compressible(contentType string) bool {
	mediaType := mediaTypeOf(contentType)
	if len(mediaType) >= 5 && strings.EqualFold(mediaType[:5], "text/") {
		return true
	}
	if strings.HasSuffix(mediaType, "+xml") || strings.HasSuffix(mediaType, "+json") {
		return true
	}
	switch mediaType {
	case "application/javascript", "application/x-javascript", "application/json", "application/xml",
		"application/wasm", "application/rtf", "application/yaml", "application/toml", "application/sql",
		"application/x-ndjson", "application/postscript", "application/x-httpd-php-source",
		"application/vnd.ms-fontobject", "application/x-sh", "application/x-tex", "application/x-subrip",
		"application/vnd.apple.mpegurl", "application/vnd.ms-word", "application/msword",
		"application/vnd.ms-excel", "application/vnd.ms-powerpoint",
		"font/ttf", "font/otf", "font/collection", "application/font-sfnt",
		"image/x-icon", "image/vnd.microsoft.icon", "image/bmp", "image/x-portable-pixmap", "image/x-portable-graymap",
		"model/gltf-binary", "model/stl", "model/obj":
		return true
	}
	return false
}
