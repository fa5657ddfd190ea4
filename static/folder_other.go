//go:build !unix

package static

const openNonblock = 0

func openFolder(path string) (folder, error) { return openRootFolder(path) }
