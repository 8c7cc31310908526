package offheap

import (
	"sync"
	"unsafe"

	"github.com/edsrzf/mmap-go"
)

// Arena is memory that is freed as a whole. The zero value is empty and ready to use, also from several goroutines at once.
type Arena struct {
	lock    sync.Mutex
	regions []mmap.MMap
	// rest is what nobody has yet of the last region.
	rest []byte
}

const (
	// regionSize is the size of a region, unless somebody takes more at once. What is not written to takes no memory.
	regionSize = 32 << 20
	// alignment is that of all that is taken, a line of the processor's cache.
	alignment = 64
)

// Take returns n values, all 0, which nobody may use after Free. Where the system has no such memory they are in Go's heap.
func Take[T float32 | float64 | uint16](a *Arena, n int) []T {
	if n == 0 {
		return nil
	}
	size := n * int(unsafe.Sizeof(T(0)))
	size += -size & (alignment - 1)
	a.lock.Lock()
	defer a.lock.Unlock()
	if len(a.rest) < size {
		region, err := mmap.MapRegion(nil, max(size, regionSize), access, mmap.ANON, 0)
		if err != nil {
			return make([]T, n)
		}
		preferLargePages(region)
		a.regions, a.rest = append(a.regions, region), region
	}
	taken := a.rest[:size]
	a.rest = a.rest[size:]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(taken))), n)
}

// Size returns how many bytes of address space the arena has of the system.
func (a *Arena) Size() int {
	a.lock.Lock()
	defer a.lock.Unlock()
	size := 0
	for _, region := range a.regions {
		size += len(region)
	}
	return size
}

// Free gives all memory back to the system. The arena is empty then.
func (a *Arena) Free() {
	a.lock.Lock()
	defer a.lock.Unlock()
	for _, region := range a.regions {
		_ = region.Unmap() // which fails only for what is not mapped
	}
	a.regions, a.rest = nil, nil
}
