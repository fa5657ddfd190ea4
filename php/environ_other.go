//go:build !linux

package php

// hideEnviron does nothing: scripts see our switches in $_SERVER.
func hideEnviron(int, map[string]string) error { return nil }
