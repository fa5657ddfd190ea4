package cgi

const (
	// responseHeadBytesMax bounds a script's response head. nginx's 4 or 8 KiB
	// is what makes "upstream sent too big header" so common.
	responseHeadBytesMax = 256 << 10
	// responseFieldsMax bounds its field lines.
	responseFieldsMax = 1000
)
