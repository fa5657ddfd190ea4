package cgid

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	// phpProgram is the name of a PHP interpreter: php, php8.2, php-cgi8.2,
	// php8.2-cgi, php.cgi, php5.fcgi, php-cgi.exe…
	phpProgram = regexp.MustCompile(`(?i)^php[0-9.]*([-_.](cgi|fcgi|fastcgi|cli|fpm|dbg|wrapper)[0-9.]*)*(\.exe)?$`)
	phpCGI     = regexp.MustCompile(`(?i)^php[0-9.]*[-_]?(cgi|fcgi|fastcgi|fpm)[0-9.]*(\.exe)?$`)
	// wrapped is a shell script's line that runs php-cgi.
	wrapped = regexp.MustCompile(`(?mi)^[ \t]*([^#\n]*[ \t;&|])?([^ \t\n#]*/)?php[0-9.]*-?f?cgi[0-9.]*([ \t;&|]|$)`)
	shell   = regexp.MustCompile(`^(ba|da|k|z|a)?sh$`)
)

// phpFile is a php-cgi that Options.PHP names, as it was at the start.
type phpFile struct {
	path string
	info os.FileInfo
}

// phpFiles finds PHP behind files of any name.
type phpFiles []phpFile

func newPHPFiles(paths []string) (list phpFiles) {
next:
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		for _, f := range list {
			if os.SameFile(f.info, info) {
				continue next
			}
		}
		list = append(list, phpFile{path, info})
	}
	return list
}

// isPHP tells whether running the file would run PHP with the request as its
// options or its program: PHP itself, whatever name, link or copy it hides behind,
// and scripts that php-cgi interprets or that start it. A script for php, the
// command line program, is not one: it takes nothing from a request by itself.
// search are the folders of the program's PATH.
func (l phpFiles) isPHP(path string, search []string) bool {
	if phpProgram.MatchString(filepath.Base(path)) || phpProgram.MatchString(realBase(path)) {
		return true
	}
	look := phpLook{files: l, search: search, left: phpFilesLookedAt}
	return look.at(path)
}

// phpLook is one search through a script's interpreters.
type phpLook struct {
	files  phpFiles
	search []string
	left   int // files that are looked at; scripts may name each other
}

func (k *phpLook) at(path string) bool {
	if k.left == 0 {
		return false
	}
	k.left--
	if k.files.has(path) {
		return true
	}
	head := headOf(path)
	line, text, _ := bytes.Cut(head, []byte("\n"))
	if !bytes.HasPrefix(line, []byte("#!")) {
		return false
	}
	words := strings.Fields(string(line[2:]))
	for i, word := range words {
		word = bare(word)
		if phpCGI.MatchString(filepath.Base(word)) || (i == 0 && phpCGI.MatchString(realBase(word))) {
			return true
		}
		// Not the interpreter alone: there are env, nice, timeout…
		if file := k.find(word, filepath.Dir(path)); file != "" && (phpCGI.MatchString(realBase(file)) || k.at(file)) {
			return true
		}
	}
	for _, word := range words[:min(len(words), 2)] { // "sh", "env sh"
		if shell.MatchString(filepath.Base(word)) {
			return wrapped.Match(text)
		}
	}
	return false
}

// bare is a word of a #! line without what env -S takes away.
func bare(word string) string {
	for _, option := range []string{"-S", "--split-string="} {
		word = strings.TrimPrefix(word, option)
	}
	return strings.Trim(word, `"'`)
}

// find is the file that a word leads to: a path, from the program's folder on, or a
// name to be found in PATH; "" if there is none.
func (k *phpLook) find(word, folder string) string {
	if word == "" || word[0] == '-' {
		return ""
	}
	if strings.ContainsRune(word, filepath.Separator) {
		if !filepath.IsAbs(word) {
			word = filepath.Join(folder, word)
		}
		return word
	}
	for _, dir := range k.search {
		path := filepath.Join(dir, word)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// has tells whether a file is one of the list, by a link or as a copy.
func (l phpFiles) has(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	for _, f := range l {
		if os.SameFile(f.info, info) {
			return true
		}
		now, err := os.Stat(f.path) // it may have been replaced by a newer one
		if err != nil {
			continue
		}
		if os.SameFile(now, info) || now.Size() == info.Size() && sameContent(path, f.path) {
			return true
		}
	}
	return false
}

// sameContent compares two files of one size, to the first difference. It is not
// remembered: files have their size by chance so rarely that it costs nothing. What
// can't be read is taken for a copy.
func sameContent(a, b string) bool {
	fa, err := os.Open(a)
	if err != nil {
		return true
	}
	defer func() { _ = fa.Close() }()
	fb, err := os.Open(b)
	if err != nil {
		return true
	}
	defer func() { _ = fb.Close() }()
	bufA, bufB := make([]byte, compareBytes), make([]byte, compareBytes)
	for {
		n, errA := io.ReadFull(fa, bufA)
		m, errB := io.ReadFull(fb, bufB)
		if !bytes.Equal(bufA[:n], bufB[:m]) {
			return false
		}
		if errA != nil || errB != nil {
			return true
		}
	}
}

// realBase is the name of what a path leads to.
func realBase(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	return filepath.Base(real)
}

// headOf is the beginning of a file, empty if it can't be read: a program need
// not be readable.
func headOf(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, scriptHeadBytes)
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return b[:n]
}
