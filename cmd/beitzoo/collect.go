package main

import (
	"os"
	"runtime/debug"
)

// collectOften collects garbage when it is a fifth of the heap, unless the environment has GOGC, until the function that it gives is called.
// Verifying keeps the weights of several engines, in which the collector has nothing to look at, and makes activations of megabytes: with Go's
// default the garbage may grow as large as all weights together (large_512: 12.0 GB at most, with this 8.9 GB, in the same time).
func collectOften() (undo func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(20)
	return func() { debug.SetGCPercent(before) }
}
