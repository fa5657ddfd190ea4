package front

import (
	"fmt"
	"time"

	"sluice/accesslog"
	"sluice/site"
)

// report hands on what an administrator should know of a request.
func (lf *local) report(x *site.Exchange, r site.Report) {
	if f := lf.srv.opts.Report; f != nil {
		f(r, x.Client, fmt.Sprintf("%s %s", x.Req.Method, x.Req.Target))
	}
}

var protocols = [2][]byte{[]byte("HTTP/1.0"), []byte("HTTP/1.1")}

// log writes the access log's line of a request that began at started and was
// answered by so many octets of content.
func (lf *local) log(x *site.Exchange, bytes, started int64) {
	if len(lf.logs) == 0 {
		return
	}
	w := lf.logs[x.Site()]
	if w == nil {
		return
	}
	took := time.Duration(lf.loop.Now() - started)
	rec := accesslog.Record{
		Time: lf.loop.Wall().Add(-took), Remote: x.Client, Method: x.Req.Method, Target: x.Req.Target,
		Proto: protocols[x.Req.Minor&1], Host: x.Req.Authority, Status: x.Status, Bytes: bytes, Duration: took,
		Referer: x.Req.Get("referer"), UserAgent: x.Req.Get("user-agent"),
	}
	w.Append(&rec)
}
