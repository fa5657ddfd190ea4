package listing

import "bytes"

// Title finds what ScanHTMLTitles shows for an HTML file: the text between
// "<title>" and the next tag, on one line. It looks at the first TitleBytesMax
// octets, up to a zero.
func Title(content []byte) string {
	content = content[:min(len(content), TitleBytesMax)]
	if zero := bytes.IndexByte(content, 0); zero >= 0 {
		content = content[:zero]
	}
	// Apache's search forgets a "<" that ends a failed match, as in "<<title>".
	const tag = "<title>"
	matched := 0
	for i, c := range content {
		if lower(c) != tag[matched] {
			matched = 0
			continue
		}
		if matched++; matched < len(tag) {
			continue
		}
		text := content[i+1:]
		if end := bytes.IndexByte(text, '<'); end >= 0 {
			text = text[:end]
		}
		out := bytes.Clone(bytes.TrimLeft(text, "\r\n"))
		for k, c := range out {
			if c == '\r' || c == '\n' {
				out[k] = ' '
			}
		}
		return string(out)
	}
	return ""
}
