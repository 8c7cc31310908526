//go:build !linux

package offheap

import "github.com/edsrzf/mmap-go"

// access lets the process read and write regions.
const access = mmap.RDWR

// preferLargePages does nothing: it is the system that decides.
func preferLargePages([]byte) {}
