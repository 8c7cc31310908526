package preprocess

import (
	"runtime"
	"sync"
)

// worthwhile is the work, in pixel operations, below which starting a goroutine costs more than it saves.
const worthwhile = 1 << 16

// inParallel calls do with consecutive ranges that together cover 0 to n, on as many goroutines as
// the work (n items of cost pixel operations each) is worth. It returns when all calls have.
func inParallel(n, cost int, do func(lo, hi int)) {
	workers := min(runtime.GOMAXPROCS(0), n, 1+n*cost/worthwhile)
	if workers <= 1 {
		do(0, n)
		return
	}
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() { do(i*n/workers, (i+1)*n/workers) })
	}
	group.Wait()
}
