package site

const (
	// internalRedirectsMax bounds local redirects, X-Accel-Redirect and error
	// pages that lead to one another (Apache's LimitInternalRecursion is 10).
	internalRedirectsMax = 10
	// sharedBytesMin is from where a body in memory is sent without copying.
	sharedBytesMin = 4 << 10
)
