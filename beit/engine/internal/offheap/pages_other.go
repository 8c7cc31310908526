//go:build !linux

package offheap

// preferLargePages does nothing: it is the system that decides.
func preferLargePages([]byte) {}
