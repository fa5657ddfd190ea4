// Package integration drives the built sluice program from outside: real PHP,
// real applications, a real browser, and nginx and Apache as oracles over the
// same document roots.
//
// It holds tests only and imports nothing of ours, so that it can fail only
// where a user would. Every server it needs is its own child on a free port of
// 127.0.0.1, in its own temporary folder, and is ended by process id when the
// test that started it ends, failed or not.
//
// Switches, all environment variables:
//
//	SLUICE_BIN        a built program; without it TestMain builds ./cmd/sluice
//	INTEGRATION_HOST  sluice (default), nginx or apache: who hosts the
//	                  applications; the others show whether a test is fair
//	SLUICE_ENGINE     engine to run sluice on: epoll, io_uring or portable
//	ARTIFACTS         where screenshots go; default ../artifacts
//	CI                "true" turns a missing tool from a skip into a failure
//
// packages.txt lists the Debian packages that the tests use.
package integration
