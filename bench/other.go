//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: measures with /proc and wrk, so it needs Linux")
	os.Exit(1)
}
