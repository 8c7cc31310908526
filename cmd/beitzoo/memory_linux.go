package main

import "golang.org/x/sys/unix"

// peakMemory is the largest resident memory of this process so far, in bytes.
func peakMemory() int64 {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return usage.Maxrss << 10 // Linux counts kilobytes
}
