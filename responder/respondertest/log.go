package respondertest

import (
	"fmt"
	"strings"
	"sync"
)

// Log collects what a server says; any goroutine may use it.
type Log struct {
	mu    sync.Mutex
	lines []string
}

// Note adds a line.
func (l *Log) Note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// String is all that was said so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// Forget begins anew.
func (l *Log) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}
