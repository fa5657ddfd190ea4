//go:build unix

package session

import "io/fs"

// othersMay tells whether everybody can read or write the file.
func othersMay(m fs.FileMode) bool { return m.Perm()&0o007 != 0 }
