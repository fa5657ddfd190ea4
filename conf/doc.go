// Package conf turns sluice.toml, or a bare folder, into one checked and
// frozen configuration.
//
// The way is always the same: defaults, then the file (or what Detect finds in
// a folder), then command line flags, then the checks that need several keys
// or the file system. All faults are gathered and reported at once, each with
// its file, line and column.
//
// Every key, its type, default, unit, bounds and description stand once, in
// keys_server.go and keys_site.go. The reader, the defaults and
// docs/configuration.md are all driven by these two tables.
//
// It owns nothing that lives: a Config is a plain value, never changed after
// Load, Parse or FromDir has returned it, and may be read from any goroutine.
// It runs in whoever calls it, blocks on the file system, and starts no
// goroutine. It imports no other package of sluice and none imports it but
// cmd/sluice, which hands each package its own options.
package conf
