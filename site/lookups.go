package site

import (
	"context"
	"crypto/sha256"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"sluice/rewrite"
)

// lookups answer what a loop can't wait for: passwords behind slow hashes, the
// names of addresses, what folders and RewriteMaps hold. Answers are kept for a while. Shared by all loops; the
// lock is held for moments only.
type lookups struct {
	mu        sync.Mutex
	names     map[netip.Addr]nameAnswer
	passwords map[[32]byte]passwordAnswer
	folders   map[string]folderNames
	running   chan struct{} // bounds the goroutines
}

type nameAnswer struct {
	name  string
	until time.Time
}

type passwordAnswer struct {
	good  bool
	until time.Time
}

// question is what a run of the rules could not know.
type question struct {
	addr           netip.Addr // whose name, unless invalid
	hash, password string
	// answer says which folder, map file or program is asked, and takes what it
	// says; nil for the others.
	answer *heard
}

func newLookups() *lookups {
	return &lookups{
		names: map[netip.Addr]nameAnswer{}, passwords: map[[32]byte]passwordAnswer{},
		folders: map[string]folderNames{}, running: make(chan struct{}, lookupsAtOnceMax),
	}
}

func (l *lookups) hostOf(a netip.Addr) (name string, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.names[a]
	return n.name, ok && time.Now().Before(n.until)
}

// password is known at once where the hash is a fast one.
func (l *lookups) password(hash, password string) (good, known bool) {
	if strings.HasPrefix(hash, "{SHA}") {
		return rewrite.VerifyPassword(hash, password), true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.passwords[passwordKey(hash, password)]
	return p.good, ok && time.Now().Before(p.until)
}

// passwordKey names a question without keeping the password.
func passwordKey(hash, password string) [32]byte {
	return sha256.Sum256([]byte(hash + "\x00" + password))
}

// ask finds the answer in a goroutine, then calls then there.
func (l *lookups) ask(q question, then func()) {
	if h := q.answer; h != nil && h.program != nil {
		h.program.ask(h.key, func(value string, found bool, err error) {
			h.value, h.found, h.err = value, found, err
			then()
		})
		return
	}
	go func() {
		l.running <- struct{}{}
		defer func() {
			<-l.running
			then()
		}()
		switch {
		case q.addr.IsValid():
			l.findName(q.addr)
			return
		case q.answer != nil && q.answer.file != nil:
			q.answer.file.read()
			return
		case q.answer != nil:
			l.readFolder(q.answer)
			return
		}
		if _, known := l.password(q.hash, q.password); known {
			return // another request asked the same
		}
		good := rewrite.VerifyPassword(q.hash, q.password)
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.passwords) >= passwordsKnownMax {
			clear(l.passwords)
		}
		l.passwords[passwordKey(q.hash, q.password)] = passwordAnswer{good, time.Now().Add(passwordBelieved)}
	}()
}

// findName asks for the name of an address, and believes it only if it leads
// back there.
func (l *lookups) findName(a netip.Addr) {
	if _, known := l.hostOf(a); known {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), nameTime)
	defer cancel()
	name := ""
	if names, err := net.DefaultResolver.LookupAddr(ctx, a.Unmap().String()); err == nil && len(names) > 0 {
		back, err := net.DefaultResolver.LookupNetIP(ctx, "ip", names[0])
		for _, b := range back {
			if err == nil && b.Unmap() == a.Unmap() {
				name = strings.TrimSuffix(names[0], ".")
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.names) >= namesKnownMax {
		clear(l.names)
	}
	l.names[a] = nameAnswer{name, time.Now().Add(nameBelieved)}
}
