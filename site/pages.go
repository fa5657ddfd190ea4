package site

import (
	"net/http"
	"strconv"
	"strings"
)

// builtinPages are made once; a site that is attacked answers with little else.
var builtinPages = func() (t [600][]byte) {
	for code := 300; code < 600; code++ {
		if http.StatusText(code) != "" {
			t[code] = makePage(code)
		}
	}
	return t
}()

// pageStart is standards mode for browsers; programs know a server's own error
// pages by such a first line, since Apache's have one.
const pageStart = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n"

func makePage(code int) []byte {
	title := strconv.Itoa(code) + " " + http.StatusText(code)
	page := pageStart + "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + title +
		"</title><meta name=\"viewport\" content=\"width=device-width\"></head>\n<body><h1>" + title + "</h1>"
	if hint := pageHints[code]; hint != "" {
		page += "<p>" + hint + "</p>"
	}
	return []byte(page + "</body></html>\n")
}

// pageWith adds HTML to a page of ours.
func pageWith(page []byte, html string) []byte {
	const end = "</body>"
	return []byte(strings.Replace(string(page), end, html+end, 1))
}

// pageHints say what a visitor can do; what an administrator needs is in the log.
var pageHints = map[int]string{
	404: "There is nothing at this address.",
	403: "This page may not be shown.",
	413: "What you sent is larger than this site allows.",
	502: "The program behind this page failed. The site's log says why.",
	503: "The site is busy. Please try again in a few seconds.",
	504: "The program behind this page took too long and was stopped.",
}

func builtinPage(status int) []byte {
	if status >= 0 && status < len(builtinPages) && builtinPages[status] != nil {
		return builtinPages[status]
	}
	return makePage(status)
}
