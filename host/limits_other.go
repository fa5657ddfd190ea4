//go:build !unix

package host

func connsMax(configured int) int { return configured }
