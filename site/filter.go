package site

import (
	"sluice/gateway"
	"sluice/message"
	"sluice/static"
)

// Filter is a FastCGI program that gets the files of some paths and answers in
// their place (FastCGI §6.4).
type Filter struct {
	// Paths are those of files, below the site's own.
	Paths   Matcher
	Backend *gateway.Options
}

// filterOf is the filter of a file, counted from 1; 0: it is sent as it is.
func (x *Exchange) filterOf(file []byte) int {
	for i := range x.site.opts.Filters {
		if x.site.opts.Filters[i].Paths.Match(view(x.site.below(file))) {
			return i + 1
		}
	}
	return 0
}

// openForFilter opens the plan's file; false: it could not be, and an error is
// the answer.
func (x *Exchange) openForFilter() (gateway.Data, bool) {
	p := &x.plan
	whole := message.Request{Method: []byte("GET"), Minor: 1}
	a := &x.answer
	p.root.cache.Answer(a, &whole, p.File[len(p.root.prefix):], x.site.loop.Wall(), &static.Options{NoCodings: true, NoRanges: true})
	if a.Status != 200 {
		x.scratch = append(x.scratch[:0], a.Fields...)
		x.errorPageWith(a.Status)
		return gateway.Data{}, false
	}
	data := gateway.Data{Content: a.Body, ModTime: p.ruled.File.ModTime}
	if len(a.Pieces) > 0 && a.ContentLength > 0 {
		a.Source.Retain()
		data.File, data.Length = a.Source, a.ContentLength
	}
	return data, true
}
