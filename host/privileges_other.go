//go:build !linux

package host

func missingPrivileges() []string { return nil }
