package listing

const (
	// columnBytesDefault is Apache's width of the columns Name and Description.
	columnBytesDefault = 23
	// nameBytesMin and descriptionBytesMin are the least widths Apache accepts.
	nameBytesMin        = 5
	descriptionBytesMin = 12
	// columnBytesMax keeps one word of a .htaccess from padding each row of a
	// page with megabytes of blanks. File names end at 255 octets.
	columnBytesMax = 4096
	// TitleBytesMax is how much of a file ScanHTMLTitles looks at.
	TitleBytesMax = 8191
)
