// Command go is the application of the gateway suite for Go's net/http/fcgi on
// the address it is given; ?do= says what is asked for.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
)

func main() {
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(fcgi.Serve(l, http.HandlerFunc(answer)))
}

func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	switch q := r.URL.Query(); q.Get("do") {
	case "env":
		// net/http/fcgi has made a Request of the variables.
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		_, _ = fmt.Fprintf(w, "REQUEST_METHOD=%s\nQUERY_STRING=%s\nURL_PATH=%s\nREQUEST_URI=%s\nREMOTE_ADDR=%s\nSERVER_PROTOCOL=%s\nSERVER_NAME=%s\nHTTP_X_PROBE=%s\n",
			r.Method, r.URL.RawQuery, r.URL.Path, r.URL.RequestURI(), host, r.Proto, fcgi.ProcessEnv(r)["SERVER_NAME"], r.Header.Get("X-Probe"))
	case "echo":
		_, _ = fmt.Fprintf(w, "echo %s", q.Get("id"))
	case "form":
		_, _ = fmt.Fprintf(w, "name=%s", r.PostFormValue("name"))
	case "body":
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		if err != nil {
			log.Print(err)
		}
		_, _ = fmt.Fprintf(w, "%d %x", n, sum.Sum(nil))
	case "big":
		for i := range 131072 {
			_, _ = fmt.Fprintf(w, "%07d\n", i)
		}
	case "status":
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "tea")
	case "redirect":
		w.Header().Set("Location", "https://other.test/there?x=1")
		w.WriteHeader(http.StatusSeeOther)
		_, _ = io.WriteString(w, "moved")
	case "cookies":
		w.Header().Add("Set-Cookie", "a=1; Path=/")
		w.Header().Add("Set-Cookie", "b=2; Path=/; HttpOnly")
		_, _ = io.WriteString(w, "baked")
	}
}
