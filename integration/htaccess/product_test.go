//go:build linux

package htaccess_test

import (
	"fmt"
	"strings"
)

// ruleFlags are combined with every kind of target.
var ruleFlags = []string{
	"L", "B", "B=?&", "B,BNP", "BCTLS", "B,BNE=/ ", "NE", "QSA", "QSD", "QSL", "DPI", "END", "PT", "N=5", "S=1",
	"T=text/plain", "H=default-handler", "E=A:$1,E=B:%{REQUEST_URI},E=!A", "CO=n:v$1:example.com:60:/p:secure:httponly:lax",
	"CO=;n;v:1;example.com", "UnsafeAllow3F", "UNC", "NS", "NC", "C", "R", "R=301", "R=308", "R=404", "R=410",
	"R=seeother", "F", "G", "R,NE", "R,QSA", "R,B", "L,R=302,NE,QSA", "UnsafePrefixStat", "DPI,L,QSA", "R,L,UNC",
}

// ruleTargets each get a prefix of their own, so that one tree serves all.
var ruleTargets = []struct{ prefix, target string }{
	{"fq", "index.php?p=$1"},
	{"fi", "/index.php/$1"},
	{"fo", "http://example.com/info.php?u=$1"},
	{"fx", "http://other.test/$1?z=%{QUERY_STRING}"},
	{"fs", "sub/$1"},
}

// ruleTails follow the prefix.
var ruleTails = []string{"", "a", "a/b?x=1&y=%202", "x%20y", "x%26c=d%2Bq", "q%3Fz", "page.php"}

// testedConditions each guard a rule with a prefix of its own.
var testedConditions = []string{
	`%{HTTP_HOST} ^example\.(com)$`,
	`%{REQUEST_URI} ^/c(\d+)/(.)`,
	`%{QUERY_STRING} a=(.)`,
	`%{QUERY_STRING} !a=(.)`,
	`%{THE_REQUEST} \s/(\S+)`,
	`%{REQUEST_METHOD} =GET`,
	`%{REQUEST_METHOD} !=GET`,
	`%{SERVER_PROTOCOL} -lt5`,
	`%{QUERY_STRING} -eq7`,
	`%{QUERY_STRING} -ge7`,
	`%{QUERY_STRING} !-lt7`,
	`%{QUERY_STRING} -ne7`,
	`%{REQUEST_URI} >/c10/e`,
	`%{REQUEST_URI} <=/c10/foo`,
	`%{REQUEST_URI} >=/c14/foo`,
	`%{REQUEST_URI} </c15/foo [NC]`,
	`%{REQUEST_URI} -U`,
	`%{DOCUMENT_ROOT}/static.txt -F`,
	`%{DOCUMENT_ROOT}/$1 -f`,
	`%{DOCUMENT_ROOT}/$1 -d`,
	`%{DOCUMENT_ROOT}/$1 -s`,
	`%{DOCUMENT_ROOT}/$1 -l`,
	`%{DOCUMENT_ROOT}/$1 -L`,
	`%{DOCUMENT_ROOT}/$1 -h`,
	`%{DOCUMENT_ROOT}/$1 -x`,
	`%{DOCUMENT_ROOT}/$1 !-f`,
	`%{LA-U:REQUEST_FILENAME} c(.)`,
	`%{LA-F:REQUEST_URI} foo`,
	`expr "%{REQUEST_URI} =~ /f(o)/ && -n %{HTTP_USER_AGENT}"`,
	`expr "req('Accept') == '*/*' || %{REQUEST_METHOD} in {'PUT','POST'}"`,
	`expr "tolower('ABC') == 'abc' && %{REQUEST_URI} -strmatch '/c*/f*'"`,
	`expr "%{REMOTE_ADDR} -ipmatch '127.0.0.0/8'"`,
	`expr "-e '%{DOCUMENT_ROOT}/foo' || ! -d %{DOCUMENT_ROOT}"`,
	`expr "%{QUERY_STRING} -eq 7 || %{QUERY_STRING} =~ /^a=(?<x>.)/"`,
	`%{HTTPS} off`,
	`%{HTTPS} !=on`,
	`%{IS_SUBREQ} false`,
	`%{ENV:REDIRECT_STATUS} ^$`,
	`%{HTTP:Accept} \*/(.)`,
	`%{HTTP:X-None} ^$`,
	`%{HTTP:x-tEsT} (.+)`,
	`%{REMOTE_ADDR} ^127`,
	`%{REMOTE_HOST} .`,
	`%{REMOTE_USER} ^$`,
	`%{REQUEST_SCHEME}://%{HTTP_HOST} ^http://ex`,
	`%{TIME_YEAR}%{TIME_MON} ^20\d{4}$`,
	`%{TIME_SEC} -lt60`,
	`%{TIME} -gt20200101000000`,
	`%{SERVER_NAME}|%{SCRIPT_FILENAME}|%{PATH_INFO} ([a-z]+)\|.*(foo.*)$`,
	`%{SERVER_PROTOCOL} =HTTP/1.1`,
	`%{HTTP_USER_AGENT} HTACCESS [NC]`,
	`%{HTTP_COOKIE} (^|;\s*)a=([^;]+)`,
	`%{HTTP_REFERER} ^http://(www\.)?example\.com`,
	`%{HTTP_FORWARDED}%{HTTP_PROXY_CONNECTION} ^$`,
	`%{REQUEST_URI} "="`,
	`%{REQUEST_URI} ""`,
	`%{QUERY_STRING} =""`,
	`%{REQUEST_URI} !""`,
	`$1 ^(f)(.)(.)`,
	`$1::%{QUERY_STRING} ^(.*)::\1$`,
	`%{CONTEXT_PREFIX}|%{AUTH_TYPE}|%{HANDLER} ^\|\|`,
	`%{REQUEST_URI} FOO [NC]`,
	`%{REQUEST_FILENAME} (/[^/]*)$`,
	`%{CONN_REMOTE_ADDR} ^127\.`,
	`%{API_VERSION} ^\d+:\d+$`,
	`%{SSL:HTTPS} =off`,
	`%{PATH_INFO} ^/(.*)`,
	`%{SSL:HTTPS} ^$`,
	`%{ENV:UNKNOWN} ^$`,
	`%{DOCUMENT_ROOT} /htdocs$`,
}

// conditionRequests are asked below each condition's prefix.
var conditionRequests = []string{
	"/foo", "/foo?a=b", "/static.txt", "/docs?7", "/dlnk/x?foo", "POST /foo | body=a=1",
	"/foo | Host: www.example.com | X-Test: 1 | Cookie: z=1; a=2 | Referer: http://www.example.com/",
}

// products are cases of every flag with every target, and every condition.
func products(l *library) []testCase {
	var all []testCase
	usual := append(append([]treeFile(nil), l.trees["usual"]...), l.trees["links"]...)
	add := func(name, rules string, requests []request) {
		files := append(append([]treeFile(nil), usual...), treeFile{path: ".htaccess", text: rules})
		all = append(all, testCase{name: "product/" + name, files: files, requests: requests})
	}
	for _, flags := range ruleFlags {
		rules := "RewriteEngine On\nRewriteCond %{REQUEST_URI} !^/i\n"
		var requests []request
		for _, t := range ruleTargets {
			given := "[" + flags + "]"
			if strings.Contains(flags, " ") {
				given = `"` + given + `"`
			}
			rules += fmt.Sprintf("RewriteRule ^%s/(.*)$ %s %s\n", t.prefix, t.target, given)
			for _, tail := range ruleTails {
				requests = append(requests, parseRequest("/"+t.prefix+"/"+tail))
			}
		}
		rules += "RewriteRule ^f.*a info.php?second [QSA]\n"
		requests = append(requests, parseRequest("POST /fq/a | body=x=1"), parseRequest("HEAD /fi/a"))
		add("flags-"+flags, rules, requests)
	}
	const perCase = 10
	for from := 0; from < len(testedConditions); from += perCase {
		rules := "RewriteEngine On\n"
		var requests []request
		for i, c := range testedConditions[from:min(from+perCase, len(testedConditions))] {
			n := from + i
			rules += fmt.Sprintf("RewriteCond %s\nRewriteRule ^c%d/(.*)$ info.php?m=%%1&n=$1&o=%%0&p=%%2 [L]\n", c, n)
			for _, line := range conditionRequests {
				requests = append(requests, parseRequest(strings.Replace(line, "/", fmt.Sprintf("/c%d/", n), 1)))
			}
		}
		add(fmt.Sprintf("conditions-%d", from), rules, requests)
	}
	return all
}
