package site

import "time"

const (
	// internalRedirectsMax bounds local redirects, X-Accel-Redirect and error
	// pages that lead to one another (Apache's LimitInternalRecursion is 10).
	internalRedirectsMax = 10
	// sharedBytesMin is from where a body in memory is sent without copying.
	sharedBytesMin = 4 << 10

	// rulingsKeptMax bounds the memory kept for requests that rules decide.
	rulingsKeptMax = 64
	// variantConfigsMax bounds what is remembered of .htaccess files with
	// php_value.
	variantConfigsMax = 1 << 10
	// htaccessBytesMax bounds a .htaccess; a larger one is refused (500).
	htaccessBytesMax = 4 << 20
	// foldersKnownMax bounds the folders whose .htaccess, or its absence, is known.
	foldersKnownMax = 32 << 10
	// textFilesMax and otherFilesMax bound what is known of files that rules name.
	textFilesMax  = 64
	otherFilesMax = 4 << 10
	// foldersReadMax bounds the folders that MultiViews knows the names of,
	// folderNamesMax those names; in a larger folder nothing is negotiated (403).
	// folderBatch is how many names are read at once.
	foldersReadMax = 32
	folderNamesMax = 100_000
	folderBatch    = 1024
	// mapFileBytesMax bounds the file of a RewriteMap.
	mapFileBytesMax = 64 << 20
	// mapAsksMax bounds the requests that wait for a RewriteMap's program; others
	// find nothing in it. mapAnswerTime is what it may take from being asked,
	// mapAnswerBytesMax what it may say; a program that fails at once is started
	// again after mapRestartPause; mapEndTime is between the end of its input and
	// its being killed.
	mapAsksMax        = 1024
	mapAnswerTime     = 5 * time.Second
	mapAnswerBytesMax = 64 << 10
	mapRestartPause   = time.Second
	mapEndTime        = 500 * time.Millisecond
	// listingEntriesMax bounds what a folder's listing shows; a larger folder is
	// refused (500). insertBytesMax bounds its HeaderName and ReadmeName.
	listingEntriesMax = 20_000
	insertBytesMax    = 1 << 20
	// textTypesMax bounds the remembered types that a charset was added to.
	textTypesMax = 256
	// youngFileTime is how long a file that was just written is read again each
	// time: it may change once more within the grain of its time of change.
	youngFileTime = 2 * time.Second

	// gzipLevelDefault compresses scripts' responses; those smaller than
	// packBytesMin octets stay as they are. What comes of it is passed on in
	// pieces of packedWriteBytes. packersKeptMax bounds the memory kept for it.
	gzipLevelDefault = 5
	packBytesMin     = 1 << 10
	packedWriteBytes = 16 << 10
	packersKeptMax   = 4

	// lookupsAtOnceMax bounds passwords checked and names asked for at once.
	lookupsAtOnceMax  = 4
	passwordsKnownMax = 4 << 10
	passwordBelieved  = 10 * time.Minute
	namesKnownMax     = 16 << 10
	nameBelieved      = 5 * time.Minute
	nameTime          = 3 * time.Second

	// scriptlessFoldersMax bounds the folders without scripts that are known by where
	// they really lie.
	scriptlessFoldersMax = 1 << 10
)
