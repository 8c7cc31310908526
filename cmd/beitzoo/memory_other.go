//go:build !linux

package main

// peakMemory is not known here.
func peakMemory() int64 { return 0 }

// resetPeakMemory has nothing to reset here.
func resetPeakMemory() {}
