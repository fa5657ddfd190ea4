package static

import "time"

// Limits of the package. Those that a site may change are fields of Config,
// whose zero values stand for the Default… ones.
const (
	// Staleness is how long a fact about a file is believed without asking the
	// file system again.
	Staleness = time.Second

	// SmallBodyBytes is the largest file that is read into memory on the loop.
	SmallBodyBytes = 64 << 10

	// hotHits is the number of look-ups that make a small file worth memory;
	// before, it is sent from its descriptor.
	hotHits = 2

	// DefaultEntries bounds the existing paths one Cache knows.
	DefaultEntries = 8192

	// negativeDivisor bounds missing paths to Entries/negativeDivisor, in a
	// list of their own, so that a scanner does not push out real files.
	negativeDivisor = 4

	// DefaultMemoryBytes bounds bodies and compressed variants of one Cache.
	DefaultMemoryBytes = 32 << 20

	// DefaultOpenFiles bounds the descriptors one Cache keeps for later; files
	// being sent are not counted against it.
	DefaultOpenFiles = 512

	// openScanEntries is how many descriptors in use are stepped over when one
	// is to be closed.
	openScanEntries = 8

	// maxPathBytes is the longest path looked up (PATH_MAX of Linux); longer
	// ones are missing.
	maxPathBytes = 4096

	// maxRangeSpecs is the most ranges read from a Range field; a field with
	// more is ignored, as RFC 9110 §14.2 allows against abuse.
	maxRangeSpecs = 32

	// rangeGapBytes: ranges closer than this are joined, since a part's header
	// costs about as much (RFC 9110 §15.3.7.2).
	rangeGapBytes = 128

	// MinCompressBytes is the smallest file compressed on the fly.
	MinCompressBytes = 256

	// MaxCompressBytes is the largest; it also bounds the memory of a job and
	// the zstd window (RFC 9659 allows 8 MiB).
	MaxCompressBytes = 8 << 20

	// brotliBestBytes is the largest file worth brotli's slow top quality.
	brotliBestBytes = 128 << 10

	// brotliLargeLevel is the quality for larger files.
	brotliLargeLevel = 9

	// minSavedDivisor: a variant that saves less than size/minSavedDivisor is
	// not worth its memory.
	minSavedDivisor = 16

	// variantShareDivisor: no single variant may take more than
	// MemoryBytes/variantShareDivisor.
	variantShareDivisor = 4

	// maxPendingVariants bounds the compression jobs one Cache waits for.
	maxPendingVariants = 32

	// clockSlack covers the kernel's coarse file timestamps, which lag behind
	// the clock by up to a tick.
	clockSlack = 50 * time.Millisecond

	// raceRetries is how often a look-up that lost a race with a rename is
	// repeated.
	raceRetries = 3
)
