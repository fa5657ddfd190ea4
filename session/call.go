package session

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/yookoala/gofast"

	"sluice/fcgi"
	"sluice/gateway"
)

// call is a request that foreign code has made and the guard has passed.
type call struct {
	method string
	role   fcgi.Role
	pairs  []byte
	// cookies are the client's Cookie lines.
	cookies []string
	stdin   io.ReadCloser // nil: no content
	source  io.ReadCloser // of a Filter's DATA
	data    gateway.Data
	closed  sync.Once
}

// newCall checks a request and takes its streams over.
func (t *Transport) newCall(req *gofast.Request) (*call, error) {
	c := &call{role: fcgi.Role(req.Role), stdin: req.Stdin, source: req.Data, method: req.Params["REQUEST_METHOD"]}
	if c.method == "" && req.Raw != nil {
		c.method = req.Raw.Method
	}
	if c.method == "" {
		c.method = http.MethodGet
	}
	if req.Raw != nil {
		c.cookies = req.Raw.Header["Cookie"]
	}
	if c.stdin == http.NoBody {
		c.stdin = nil
	}
	err := c.checkRole(req)
	if err == nil {
		c.pairs, err = t.opts.Guard.pairs(req)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	if c.role == fcgi.Authorizer { // has no content (§6.3)
		c.close()
		c.stdin = nil
	}
	return c, nil
}

func (c *call) checkRole(req *gofast.Request) error {
	switch c.role {
	case fcgi.Responder, fcgi.Authorizer:
		c.source = nil
		return nil
	case fcgi.Filter:
	default:
		return fmt.Errorf("session: a request with the unknown role %d", req.Role)
	}
	if c.source == nil {
		return errors.New("session: a filter's request without a Data stream")
	}
	v := req.Params["FCGI_DATA_LAST_MOD"]
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("session: a filter's request with FCGI_DATA_LAST_MOD %q", v)
	}
	c.data.ModTime = n
	return nil
}

// close closes the streams that foreign code has given.
func (c *call) close() {
	c.closed.Do(func() {
		if c.stdin != nil {
			_ = c.stdin.Close()
		}
		if c.source != nil {
			_ = c.source.Close()
		}
	})
}

// dropFile closes a Filter's file that the gateway has not taken.
func (c *call) dropFile() {
	if c.data.File != nil {
		c.data.File.Release()
	}
}

// takeData makes a file of a Filter's DATA. What Params said of its length is
// not looked at: this is it.
func (c *call) takeData() error {
	if c.source == nil {
		return nil
	}
	file, err := os.CreateTemp("", "sluice-data-*")
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	f := &ownFile{f: file}
	if os.Remove(file.Name()) != nil {
		f.name = file.Name() // an open file can't be unlinked here
	}
	n, err := io.Copy(file, c.source)
	if err != nil {
		f.Release()
		return fmt.Errorf("session: reading a filter's Data: %w", err)
	}
	c.data.File, c.data.Length = f, n
	return nil
}

// ownFile is a temporary file of one owner.
type ownFile struct {
	f    *os.File
	name string
}

// File implements loop.FileRef.
func (o *ownFile) File() *os.File { return o.f }

// Release implements loop.FileRef.
func (o *ownFile) Release() {
	_ = o.f.Close()
	if o.name != "" {
		_ = os.Remove(o.name)
	}
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
