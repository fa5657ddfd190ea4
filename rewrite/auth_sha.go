package rewrite

import (
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strconv"
	"strings"
)

// shaRounds are the bounds of SHA-crypt; more than the most is refused here, as
// it would hold a loop for seconds.
const (
	shaRoundsDefault = 5000
	shaRoundsLeast   = 1000
	shaRoundsMost    = 100000
)

// shaCrypt is the SHA-256 ($5$) and SHA-512 ($6$) crypt of glibc. It returns ""
// for a hash that is malformed or asks for too many rounds.
func shaCrypt(password, stored string) string {
	magic, rest := stored[:3], stored[3:]
	rounds, custom := shaRoundsDefault, false
	if strings.HasPrefix(rest, "rounds=") {
		n, after, ok := strings.Cut(rest[7:], "$")
		v, err := strconv.Atoi(n)
		if !ok || err != nil || v > shaRoundsMost {
			return ""
		}
		rounds, rest, custom = max(v, shaRoundsLeast), after, true
	}
	salt, _, _ := strings.Cut(rest, "$")
	if len(salt) > 16 {
		salt = salt[:16]
	}
	newHash := sha256.New
	if magic == "$6$" {
		newHash = sha512.New
	}
	sum := shaDigest(newHash, []byte(password), []byte(salt), rounds)
	out := magic
	if custom {
		out += "rounds=" + strconv.Itoa(rounds) + "$"
	}
	return out + salt + "$" + shaText(sum)
}

func hashAll(newHash func() hash.Hash, parts ...[]byte) []byte {
	h := newHash()
	for _, p := range parts {
		_, _ = h.Write(p) // a hash never fails
	}
	return h.Sum(nil)
}

// repeatTo repeats a digest to a length.
func repeatTo(sum []byte, n int) []byte {
	out := make([]byte, 0, n)
	for len(out) < n {
		out = append(out, sum[:min(len(sum), n-len(out))]...)
	}
	return out
}

func shaDigest(newHash func() hash.Hash, pw, salt []byte, rounds int) []byte {
	alt := hashAll(newHash, pw, salt, pw)
	h := newHash()
	_, _ = h.Write(pw)
	_, _ = h.Write(salt)
	_, _ = h.Write(repeatTo(alt, len(pw)))
	for i := len(pw); i > 0; i >>= 1 {
		if i&1 != 0 {
			_, _ = h.Write(alt)
		} else {
			_, _ = h.Write(pw)
		}
	}
	sum := h.Sum(nil)
	h = newHash()
	for range len(pw) {
		_, _ = h.Write(pw)
	}
	p := repeatTo(h.Sum(nil), len(pw))
	h = newHash()
	for range 16 + int(sum[0]) {
		_, _ = h.Write(salt)
	}
	s := repeatTo(h.Sum(nil), len(salt))
	for i := range rounds {
		var parts [4][]byte
		parts[0], parts[3] = sum, p
		if i&1 != 0 {
			parts[0], parts[3] = p, sum
		}
		if i%3 != 0 {
			parts[1] = s
		}
		if i%7 != 0 {
			parts[2] = p
		}
		sum = hashAll(newHash, parts[:]...)
	}
	return sum
}

// shaText orders the octets as SHA-crypt does.
func shaText(sum []byte) string {
	var out []byte
	if len(sum) == 32 {
		a, b, c := 0, 10, 20
		for range 10 {
			out = crypt64(out, uint32(sum[a])<<16|uint32(sum[b])<<8|uint32(sum[c]), 4)
			a, b, c = c+1, a+1, b+1
		}
		return string(crypt64(out, uint32(sum[31])<<8|uint32(sum[30]), 3))
	}
	a, b, c := 0, 21, 42
	for range 21 {
		out = crypt64(out, uint32(sum[a])<<16|uint32(sum[b])<<8|uint32(sum[c]), 4)
		a, b, c = b+1, c+1, a+1
	}
	return string(crypt64(out, uint32(sum[63]), 2))
}
