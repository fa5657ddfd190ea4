package proxied

import (
	"fmt"
	"strings"

	"sluice/cgi"
	"sluice/fcgi"
	"sluice/message"
)

// Names of the meta-variables that only sluice sets: a request that is passed on
// has no others but those of RFC 3875.
const (
	targetName = "SLUICE_PROXY_TARGET"
	fieldsName = "SLUICE_PROXY_FIELDS"
	serverName = "SLUICE_PROXY_SERVER"
	clientName = "SLUICE_PROXY_CLIENT"
	freshName  = "SLUICE_PROXY_FRESH"
)

// FaultField is the field of a response that says why there is none of the other
// server's: the status is ours.
const FaultField = "Sluice-Proxy-Fault"

// Ask is what is passed on.
type Ask struct {
	// Target is http://host[:port]/path?query, https://…, or
	// unix:/path/of/socket|http://host/…; ready to be sent, see ParseTarget.
	Target string
	// Fields are those of the request, as they came.
	Fields []message.Field
	// Client is the address of who asks, Server the name of who is asked first.
	Client, Server string
	// Fresh: on a new connection that is not kept (Apache's proxy-nokeepalive).
	Fresh bool
}

// Variables are the meta-variables that carry it to a Server. Request and
// ContentLength of a cgi.Environment say the rest; its fields are not looked at.
func (a *Ask) Variables(to []cgi.Variable) []cgi.Variable {
	n := 0
	for i := range a.Fields {
		n += len(a.Fields[i].Name) + len(a.Fields[i].Value) + len(": \n")
	}
	var b strings.Builder
	b.Grow(n)
	for i := range a.Fields {
		b.Write(a.Fields[i].Name)
		b.WriteString(": ")
		b.Write(a.Fields[i].Value)
		b.WriteByte('\n') // which no value has
	}
	to = append(to, cgi.Variable{Name: targetName, Value: a.Target}, cgi.Variable{Name: fieldsName, Value: b.String()},
		cgi.Variable{Name: serverName, Value: a.Server}, cgi.Variable{Name: clientName, Value: a.Client})
	if a.Fresh {
		to = append(to, cgi.Variable{Name: freshName, Value: "1"})
	}
	return to
}

// asked is an Ask that has arrived.
type asked struct {
	method, target, fields, server, client string
	length                                 string // CONTENT_LENGTH, "" without content
	fresh                                  bool
}

func parseParams(b []byte) (a asked, err error) {
	for len(b) > 0 {
		name, value, n, err := fcgi.ConsumePair(b)
		if err != nil {
			return a, fmt.Errorf("proxied: PARAMS: %w", err)
		}
		b = b[n:]
		switch string(name) {
		case "REQUEST_METHOD":
			a.method = string(value)
		case "CONTENT_LENGTH":
			a.length = string(value)
		case targetName:
			a.target = string(value)
		case fieldsName:
			a.fields = string(value)
		case serverName:
			a.server = string(value)
		case clientName:
			a.client = string(value)
		case freshName:
			a.fresh = true
		}
	}
	return a, nil
}
