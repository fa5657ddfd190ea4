// Package listing renders the page that shows a folder's content, as Apache's
// mod_autoindex prints it: octet for octet, apart from icons, which need
// AddIcon and its relatives.
//
// The caller reads the folder, leaves out what IndexIgnore and access control
// hide, and hands over names and facts; the package knows IndexOptions
// (options.go), the query that sorts and filters (query.go, wildcard.go,
// order.go) and the HTML (page.go, rows.go, escape.go). It is pure: no files, no
// clock, no state; any goroutine may call it. It imports nothing of ours.
//
// Names of files and the query are a stranger's words: everything that comes
// from them is escaped for the place where it stands. Descriptions, headers and
// readmes are HTML written by the site's owner and pass unchanged, as in Apache.
package listing
