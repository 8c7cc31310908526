//go:build exhaustive

package elementary

import (
	"runtime"
	"sync"
	"testing"
)

// TestNarrow_Exhaustive takes all values of float32.
func TestNarrow_Exhaustive(t *testing.T) {
	var group sync.WaitGroup
	var lock sync.Mutex
	var worst narrowWorst
	parts := uint64(runtime.GOMAXPROCS(0))
	for part := range parts {
		group.Go(func() {
			found := narrowErrors(part, 1<<32, parts)
			lock.Lock()
			defer lock.Unlock()
			for _, pair := range [][2]*narrowError{{&worst.exp, &found.exp}, {&worst.gelu, &found.gelu}, {&worst.below, &found.below}} {
				if pair[1].ulps > pair[0].ulps {
					*pair[0] = *pair[1]
				}
			}
		})
	}
	group.Wait()
	worst.check(t)
}

// TestRound_Exhaustive takes all values of float32.
func TestRound_Exhaustive(t *testing.T) {
	for _, h := range halves {
		var group sync.WaitGroup
		parts := uint64(runtime.GOMAXPROCS(0))
		for part := range parts {
			group.Go(func() {
				if v, got, found := h.wrong(part, 1<<32, parts); found {
					t.Errorf("%s of %v: %v", h.name, v, got)
				}
			})
		}
		group.Wait()
	}
}
