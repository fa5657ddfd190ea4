package static

import "bytes"

// ScriptSource tells whether a file name looks like the source of a script or
// like a copy of one, which must not be sent as text. exts are the script
// extensions in lower case with their dot (".php"). It is true for
//
//   - names with such an extension, also with a version (x.php, x.php7);
//   - their copies: x.php~, x.php_old, x.php-2, x.php.bak, x.php.txt and the
//     other words of copyWord; not x.php.html, which is documentation;
//   - .phps, .phtml, .pht, .phar and .inc, if exts holds ".php".
//
// name may be a path; its last segment counts. Names are compared without
// case.
func ScriptSource(name []byte, exts []string) bool {
	base := lastSegment(name)
	for _, ext := range exts {
		if ext == ".php" && phpKin(base) {
			return true
		}
		if len(ext) < 2 {
			continue
		}
		for i := 0; i+len(ext) <= len(base); i++ {
			if foldEqual(base[i:i+len(ext)], ext) && copyTail(base[i+len(ext):]) {
				return true
			}
		}
	}
	return false
}

func phpKin(base []byte) bool {
	for _, ext := range [...]string{".phps", ".phtml", ".pht", ".phar", ".inc"} {
		if foldSuffix(base, ext) {
			return true
		}
	}
	return false
}

// copyTail judges what follows a script extension.
func copyTail(tail []byte) bool {
	if len(tail) == 0 {
		return true
	}
	switch c := tail[0]; {
	case c == '~' || c == '_' || c == '-' || c == ' ' || c == '#' || c == ',' || c == '(':
		return true
	case '0' <= c && c <= '9':
		return true
	case c == '.':
		word := tail[1:]
		if dot := bytes.IndexByte(word, '.'); dot >= 0 {
			word = word[:dot]
		}
		return copyWord(word)
	}
	return false
}

func copyWord(word []byte) bool {
	var buf [16]byte
	if len(word) > len(buf) {
		return false
	}
	if len(word) == 0 || '0' <= word[0] && word[0] <= '9' {
		return true // "x.php." and "x.php.1"
	}
	switch string(fold(buf[:0], bytes.TrimRight(word, "~0123456789_-"))) {
	case "bak", "backup", "old", "orig", "save", "saved", "swp", "swo", "swn",
		"copy", "new", "tmp", "temp", "dist", "sample", "example", "default",
		"disabled", "off", "bk", "bck", "inc", "txt", "src", "source",
		"rej", "diff", "patch", "rpmsave", "rpmnew", "rpmorig", "dpkg-old",
		"dpkg-dist", "dpkg-new", "ucf-old", "ucf-dist", "prod", "dev", "local",
		"gz", "bz2", "xz", "zip", "tar", "zst":
		return true
	}
	return false
}
