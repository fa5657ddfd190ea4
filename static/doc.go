// Package static answers requests from files: it decodes paths, keeps facts
// and small bodies of files in a cache, and decides what an HTTP answer from
// a file looks like (RFC 9110: conditions, ranges, content codings).
//
// The order of use is DecodePath, Hidden and ScriptSource, Cache.Lookup,
// Decide; Cache.Answer joins the last two.
//
// Owners: a Cache and its Entries belong to one loop and are used by that
// goroutine alone, without locks. Only a Compressor is shared between loops;
// its lock is taken in the goroutines that Spawn starts, never on a loop.
// Everything else is plain functions of their arguments.
//
// The package may import sluice/message, the standard library, x/sys/unix and
// the compressors. It knows no socket, no site and no protocol version.
package static
