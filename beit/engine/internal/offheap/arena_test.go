package offheap_test

import (
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/beitzoo/beitzoo/beit/engine/internal/offheap"
)

// TestTake_Separate takes memory from several goroutines at once, some larger than a region, and makes sure that all of it is zero, aligned, and nobody else's.
func TestTake_Separate(t *testing.T) {
	t.Parallel()
	var arena offheap.Arena
	defer arena.Free()
	sizes := []int{1, 7, 1000, 3 << 20, 9 << 20, 16, 5 << 20}
	all := make([][]float32, 4*len(sizes))
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() {
			all[i] = offheap.Take[float32](&arena, sizes[i%len(sizes)])
			for k, v := range all[i] {
				if v != 0 {
					t.Errorf("value %d of %d is %v before anybody wrote to it", k, i, v)
					return
				}
				all[i][k] = float32(i + 1)
			}
		})
	}
	group.Wait()
	for i, values := range all {
		if len(values) != sizes[i%len(sizes)] || uintptr(unsafe.Pointer(&values[0]))%64 != 0 {
			t.Errorf("%d: %d values at %p", i, len(values), &values[0])
		}
		for k, v := range values {
			if v != float32(i+1) {
				t.Fatalf("value %d of %d is %v", k, i, v)
			}
		}
	}
}

// TestTake_OutsideOfTheHeap makes sure that the collector does not count it, and that an arena can be used again after Free.
func TestTake_OutsideOfTheHeap(t *testing.T) {
	const values = 24 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var arena offheap.Arena
	for range 2 {
		memory := offheap.Take[float64](&arena, values)
		memory[0], memory[values-1] = 1, 2
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > values {
			t.Errorf("the heap grew by %d bytes", grown)
		}
		if size := arena.Size(); size < 8*values {
			t.Errorf("the arena has %d bytes", size)
		}
		arena.Free()
		if size := arena.Size(); size != 0 {
			t.Errorf("after Free the arena has %d bytes", size)
		}
	}
	if offheap.Take[float64](&arena, 0) != nil {
		t.Error("no values are not nil")
	}
	arena.Free()
}
