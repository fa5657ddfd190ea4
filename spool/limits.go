package spool

const (
	// chunkBytes is the size of a piece of memory.
	chunkBytes = 32 << 10
	// pendingBytesMax is how much may wait for the disk before Full asks the
	// source to stop.
	pendingBytesMax = 512 << 10
	// memoryBytesDefault is how much one spool keeps in memory.
	memoryBytesDefault = 1 << 20
	// pipeBytesMin is what is worth a pipe.
	pipeBytesMin = 64 << 10
	// budgetBytesDefault is what all spools together keep in memory; over it
	// they go to disk from the first chunk on.
	budgetBytesDefault = 64 << 20
)
