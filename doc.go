// Package sluice is the root of the module. It holds no code, only the tests
// that guard the shape of the rest (layout_test.go). The program is cmd/sluice.
package sluice
