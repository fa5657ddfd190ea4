package rewrite

import "time"

// Every bound of the package, with what it stops.
const (
	// lineBytesMax bounds a logical line of a file, continuations joined (Apache: 16 MiB).
	lineBytesMax = 1 << 20
	// fileBytesMax bounds a whole .htaccess file.
	fileBytesMax = 4 << 20
	// nestingMax bounds sections inside sections.
	nestingMax = 64
	// redirectsMax is LimitInternalRecursion: so many internal redirects succeed.
	redirectsMax = 10
	// subRequestsMax bounds sub-requests inside sub-requests (LA-U that asks LA-U…).
	subRequestsMax = 10
	// roundsMax is mod_rewrite's bound on [N].
	roundsMax = 32000
	// roundBytesMax bounds the octets that rules look at in rounds made by [N]: a
	// string that grows with each round would hold a loop for a second.
	roundBytesMax = 2 << 20
	// rewriteBytesMax is twice LimitRequestLine: a string that grows past it is a loop (500).
	rewriteBytesMax = 2 * 8190
	// captureGroupsMax is AP_MAX_REG_MATCH: $0 to $9.
	captureGroupsMax = 10
	// exprDepthMax bounds the nesting of an expression while it is evaluated (Apache: 20).
	exprDepthMax = 20
	// exprParseDepthMax bounds it while it is parsed.
	exprParseDepthMax = 200
	// exprFileBytesMax bounds what file() reads.
	exprFileBytesMax = 10 << 20
	// authFileBytesMax bounds an htpasswd or htgroup file.
	authFileBytesMax = 16 << 20
	// mapFileBytesMax bounds a RewriteMap file.
	mapFileBytesMax = 64 << 20
	// slowMatchTimeMax ends a match by the back-tracking engine: a catastrophic pattern counts
	// as "no match", as when PCRE meets its own limit.
	slowMatchTimeMax = 20 * time.Millisecond
	// slowSubjectBytesMax bounds what the back-tracking engine is given at all.
	slowSubjectBytesMax = 64 << 10
	// acceptItemsMax bounds the items that are read of an Accept field, variantsMax the files
	// that MultiViews looks at: each costs a sub-request, and is asked about each item.
	acceptItemsMax = 128
	variantsMax    = 256
	// componentBytesMax is NAME_MAX: a longer path component is 403.
	componentBytesMax = 255
	// chainConfigsMax bounds the merged configurations a Chain keeps.
	chainConfigsMax = 64
	// chainNamesMax bounds the base names whose configuration a Chain remembers.
	chainNamesMax = 512
)
