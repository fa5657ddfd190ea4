// Package htaccess compares sluice with Apache where .htaccess files decide:
// both servers run over the same document root at the same time, get the same
// requests, and their answers are compared. It holds tests only and imports
// nothing of ours, so that it can fail only where a user would.
//
// # How
//
// A lane is one document root with one sluice (`sluice serve DIR
// --hidden-files apache`) and one port of a common Apache. A case is a tree of
// files, .htaccess among them, and requests. A case's tree is moved into the
// lane by a rename; after a moment in which sluice must have noticed (Settle)
// its requests go to both servers. Lanes work side by side.
//
// # Levels
//
// Level 1 is what a visitor and a script act on: status, Location, which file
// or script answered, REQUEST_URI, QUERY_STRING, SCRIPT_NAME, PATH_INFO, the
// method and the length of the body, and the text of an ErrorDocument. Level 2
// adds the response headers, level 3 all of $_SERVER and the working folder.
//
// # Cases
//
//   - testdata/*.txt: directed cases, one file per subject (see parse_test.go)
//   - product_test.go: every rewrite flag and condition with every kind of target
//   - random_test.go: random but valid rule sets (-seed, -cases)
//   - corpus_test.go: the files of ../shared/htaccess/corpus where they are
//   - oracle_test.go: the recorded answers of ../shared/htaccess where they are
//   - live_test.go: changes under load
//
// # Flags, after -args
//
//	-peer apache     compare Apache with Apache: is the harness fair?
//	-only REGEXP     cases to run
//	-show N          differences to print per test
//	-report FILE     write the differences, grouped by reason
//	-errorlog FILE   Apache's error log, which tells why it answers 500
//	-settle D        time between moving a tree in and the first request
//	-lanes N         document roots side by side
//	-seed N -cases N random rule sets
//
// SLUICE_BIN names a built program; without it ./cmd/sluice is built. CI=true
// turns a missing program into a failure. packages.txt lists the Debian
// packages needed.
package htaccess
