//go:build !unix

package session

import "io/fs"

// othersMay: the mode says nothing here.
func othersMay(fs.FileMode) bool { return false }
