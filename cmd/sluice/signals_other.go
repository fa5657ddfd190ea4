//go:build !unix

package main

import "os"

func notifyMore(chan<- os.Signal) {}

func isReopen(os.Signal) bool { return false }
func isStatus(os.Signal) bool { return false }
func isReload(os.Signal) bool { return false }
