package static

import "bytes"

// Policy says which files are never served, whatever else allows them.
type Policy uint8

const (
	// Refuse hides dot files (but not /.well-known/), version control, backups
	// and leftovers of editors and dumps, keys and package metadata. It is the
	// default.
	Refuse Policy = iota
	// Apache hides what Apache's stock configuration hides: names that begin
	// with ".ht".
	Apache
)

func (p Policy) String() string {
	if p == Apache {
		return "apache"
	}
	return "refuse"
}

// Hidden tells whether a decoded path is refused by a policy. Names are
// compared without case, since file systems may do so too. File name rules
// look at the last segment, so that for a URL with PATH_INFO the caller asks
// about the file that was found.
//
// Not refused although often named in such lists: package.json (front ends
// read their version from it), *.dist (samples), *.db (package repositories
// serve them), *.pem that do not say "key" (certificates are public).
// Refused although someone may miss it: *.key, which may also be a Keynote
// document or a public OpenPGP key.
func Hidden(path []byte, policy Policy) bool {
	base := lastSegment(path)
	if policy == Apache {
		return len(base) >= 3 && foldEqual(base[:3], ".ht")
	}
	return hiddenSegment(path) || leftover(base)
}

// lastSegment is the last segment that is not empty.
func lastSegment(path []byte) []byte {
	path = bytes.TrimRight(path, "/")
	return path[bytes.LastIndexByte(path, '/')+1:]
}

// hiddenSegment looks at folders and files alike: dot names, CVS, darcs.
func hiddenSegment(path []byte) bool {
	rest := bytes.TrimLeft(path, "/")
	for first := true; len(rest) > 0; first = false {
		seg := rest
		if slash := bytes.IndexByte(rest, '/'); slash >= 0 {
			seg, rest = rest[:slash], rest[slash+1:]
		} else {
			rest = nil
		}
		if len(seg) == 0 {
			continue
		}
		if seg[0] == '.' && (!first || string(seg) != ".well-known") {
			return true
		}
		if foldEqual(seg, "_darcs") || foldEqual(seg, "cvs") && cvsFile(rest) {
			return true
		}
	}
	return false
}

// cvsFile: a folder "cvs" alone may hold curricula; these files it has from
// the version control system.
func cvsFile(rest []byte) bool {
	if slash := bytes.IndexByte(rest, '/'); slash >= 0 {
		rest = rest[:slash]
	}
	for _, name := range [...]string{"entries", "root", "repository", "template", "tag", "baserev", "entries.log", "notify"} {
		if foldEqual(rest, name) {
			return true
		}
	}
	return false
}

func leftover(base []byte) bool {
	n := len(base)
	if n == 0 {
		return false
	}
	if base[n-1] == '~' || n > 1 && base[0] == '#' && base[n-1] == '#' {
		return true
	}
	var buf [32]byte
	if n <= len(buf) && hiddenName(string(fold(buf[:0], base))) {
		return true
	}
	dot := bytes.LastIndexByte(base, '.')
	if dot < 0 {
		return false
	}
	ext := base[dot+1:]
	if len(ext) > len(buf) {
		return false
	}
	switch string(fold(buf[:0], ext)) {
	case "bak", "backup", "swp", "swo", "swn", "orig", "save", "old", "rej", // editors, patch
		"sql", "sqlite", "sqlite3", "sqlite-wal", "sqlite-shm", "sqlite-journal",
		"sqlite3-wal", "sqlite3-shm", "sqlite3-journal", "mysqldump", // data
		"key", "ppk", "p12", "pfx", "jks", "keystore": // private keys
		return true
	case "gz", "bz2", "xz", "zst", "zip", "br", "lz4", "7z":
		return packedDump(base[:dot])
	case "pem":
		return keyPEM(base[:dot])
	}
	return false
}

// hiddenName knows whole names, in lower case.
func hiddenName(name string) bool {
	switch name {
	case "composer.json", "composer.lock", "auth.json", "installed.json", // Composer
		"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml",
		"docker-compose.yml", "docker-compose.yaml",
		"web.config", "php.ini", "sluice.toml",
		"error_log", "debug.log", "php_errors.log", // written by PHP and WordPress
		"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519":
		return true
	}
	return false
}

// packedDump: stem of x.sql.gz and the like.
func packedDump(stem []byte) bool {
	return foldSuffix(stem, ".sql") || foldSuffix(stem, ".sqlite") || foldSuffix(stem, ".bak")
}

// keyPEM: privkey.pem, server-key.pem; a public key says so.
func keyPEM(stem []byte) bool {
	if !foldSuffix(stem, "key") {
		return false
	}
	for i := 0; i+3 <= len(stem); i++ {
		if foldEqual(stem[i:i+3], "pub") {
			return false
		}
	}
	return true
}

func fold(dst, b []byte) []byte {
	dst = append(dst, b...)
	lower(dst)
	return dst
}

// foldEqual compares with a lower-case ASCII string.
func foldEqual(b []byte, low string) bool {
	if len(b) != len(low) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != low[i] {
			return false
		}
	}
	return true
}

func foldSuffix(b []byte, low string) bool {
	return len(b) >= len(low) && foldEqual(b[len(b)-len(low):], low)
}
