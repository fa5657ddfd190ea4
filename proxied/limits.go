package proxied

import "time"

const (
	// concurrencyDefault is Options.Concurrency.
	concurrencyDefault = 128
	// headBytesMax bounds the head of a response.
	headBytesMax = 128 << 10

	// idleTimeDefault is Options.IdleTime, Apache's Timeout.
	idleTimeDefault = 60 * time.Second
	// WholeTimeMax is how long an exchange may take in all, for the gateway.
	WholeTimeMax = 24 * time.Hour
	// dialTimeMax is how long a connection may take to be made, its TLS apart.
	dialTimeMax = 10 * time.Second
	// handshakeTimeMax bounds a TLS handshake.
	handshakeTimeMax = 10 * time.Second
	// keepTime is how long a connection is kept for another request: shorter than
	// servers keep theirs (Apache's KeepAliveTimeout is 5 s).
	keepTime = 4 * time.Second
	// keptMax and keptPerServerMax bound the connections that are kept.
	keptMax          = 64
	keptPerServerMax = 8
	// hopsMax is how many proxies a request may have come by, as X-Forwarded-For
	// and X-Forwarded-Server tell; a circle holds that many connections at most.
	hopsMax = 10
	// maxForwardsDigitsMax bounds a Max-Forwards that is understood.
	maxForwardsDigitsMax = 9
)
