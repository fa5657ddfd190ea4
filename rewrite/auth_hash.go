package rewrite

import (
	"crypto/md5"  //nolint:gosec // htpasswd's $apr1$
	"crypto/sha1" //nolint:gosec // htpasswd's {SHA}
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// VerifyPassword checks a password against a hash of an htpasswd file: bcrypt,
// $apr1$, $1$, {SHA}, $5$, $6$ and DES. Everything else, plain text included,
// never matches.
func VerifyPassword(hash, password string) bool {
	switch {
	case strings.HasPrefix(hash, "$2y$"), strings.HasPrefix(hash, "$2a$"), strings.HasPrefix(hash, "$2b$"):
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	case strings.HasPrefix(hash, "$apr1$"):
		return sameText(md5Crypt(password, hash, "$apr1$"), hash)
	case strings.HasPrefix(hash, "$1$"):
		return sameText(md5Crypt(password, hash, "$1$"), hash)
	case strings.HasPrefix(hash, "{SHA}"):
		s := sha1.Sum([]byte(password)) //nolint:gosec // see the import
		return sameText("{SHA}"+base64.StdEncoding.EncodeToString(s[:]), hash)
	case strings.HasPrefix(hash, "$5$"), strings.HasPrefix(hash, "$6$"):
		return sameText(shaCrypt(password, hash), hash)
	}
	return sameText(desCrypt(password, hash), hash)
}

func sameText(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// crypt64 writes n characters of 6 bits each, least significant first.
func crypt64(out []byte, v uint32, n int) []byte {
	for range n {
		out = append(out, cryptAlphabet[v&63])
		v >>= 6
	}
	return out
}

// md5Crypt is the scheme of FreeBSD's crypt(3), with Apache's magic.
func md5Crypt(password, hash, magic string) string {
	salt, _, _ := strings.Cut(hash[len(magic):], "$")
	if len(salt) > 8 {
		salt = salt[:8]
	}
	pw := []byte(password)
	alt := md5.Sum([]byte(password + salt + password)) //nolint:gosec // see the import
	buf := []byte(password + magic + salt)
	for i := len(pw); i > 0; i -= 16 {
		buf = append(buf, alt[:min(i, 16)]...)
	}
	for i := len(pw); i > 0; i >>= 1 {
		if i&1 != 0 {
			buf = append(buf, 0)
		} else {
			buf = append(buf, password[0])
		}
	}
	sum := md5.Sum(buf) //nolint:gosec // see the import
	for i := range 1000 {
		buf = buf[:0]
		if i&1 != 0 {
			buf = append(buf, pw...)
		} else {
			buf = append(buf, sum[:]...)
		}
		if i%3 != 0 {
			buf = append(buf, salt...)
		}
		if i%7 != 0 {
			buf = append(buf, pw...)
		}
		if i&1 != 0 {
			buf = append(buf, sum[:]...)
		} else {
			buf = append(buf, pw...)
		}
		sum = md5.Sum(buf) //nolint:gosec // see the import
	}
	out := []byte(magic + salt + "$")
	for i := range 5 {
		last := i + 12
		if i == 4 {
			last = 5
		}
		out = crypt64(out, uint32(sum[i])<<16|uint32(sum[i+6])<<8|uint32(sum[last]), 4)
	}
	return string(crypt64(out, uint32(sum[11]), 2))
}
