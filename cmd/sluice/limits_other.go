//go:build !unix

package main

func connsMax(configured int) int { return configured }
