package conf

import "math"

// Bounds on what is read, so that a wrong path (a device, a dump) given as a
// configuration cannot eat the memory.
const (
	fileBytesMax     = 4 << 20 // a sluice.toml
	syntaxFaultsMax  = 10      // later ones are mostly echoes of the first
	versionBytesMax  = 256 << 10
	folderEntriesMax = 4096 // names looked at per folder by Detect
	linksMax         = 256  // links out of a docroot that are reported
	linkFoldersMax   = 256  // folders below a docroot that are searched for links

	nameBytesMax  = 253 // a host name, RFC 1035 §2.3.4
	labelBytesMax = 63
	unixBytesMax  = 107 // sun_path of Linux without its NUL

	suggestDistanceMax = 3 // edits between a wrong key and the one suggested
)

// noLimit is an upper bound for numbers that have none of their own.
const noLimit = math.MaxInt64
