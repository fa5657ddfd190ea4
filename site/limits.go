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
	// htaccessBytesMax bounds a .htaccess; a larger one is refused (500).
	htaccessBytesMax = 4 << 20
	// foldersKnownMax bounds the folders whose .htaccess, or its absence, is known.
	foldersKnownMax = 32 << 10
	// textFilesMax and otherFilesMax bound what is known of files that rules name.
	textFilesMax  = 64
	otherFilesMax = 4 << 10
	// youngFileTime is how long a file that was just written is read again each
	// time: it may change once more within the grain of its time of change.
	youngFileTime = 2 * time.Second

	// lookupsAtOnceMax bounds passwords checked and names asked for at once.
	lookupsAtOnceMax  = 4
	passwordsKnownMax = 4 << 10
	passwordBelieved  = 10 * time.Minute
	namesKnownMax     = 16 << 10
	nameBelieved      = 5 * time.Minute
	nameTime          = 3 * time.Second
)
