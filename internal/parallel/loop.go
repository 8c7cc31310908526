package parallel

import (
	"sync"
	"sync/atomic"
)

// For calls body(worker, i) for each i in [0, n), on at most that many threads at once. Worker is in [0, threads) and tells scratch memory
// apart: no two calls with the same worker overlap. It returns when all calls have.
func For(threads, n int, body func(worker, i int)) {
	threads = min(threads, n)
	if threads <= 1 {
		for i := range n {
			body(0, i)
		}
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for worker := range threads {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				body(worker, int(i))
			}
		})
	}
	group.Wait()
}

// Chunks splits [0, n) into consecutive ranges of at most size and calls body(worker, from, to) for each as For does.
func Chunks(threads, n, size int, body func(worker, from, to int)) {
	For(threads, (n+size-1)/size, func(worker, i int) {
		body(worker, i*size, min(n, (i+1)*size))
	})
}
