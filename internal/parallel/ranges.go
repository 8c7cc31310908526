package parallel

import (
	"runtime"
	"sync"
)

// worthwhile is the work below which starting a goroutine costs more than it saves, in operations on a pixel or the like.
const worthwhile = 1 << 16

// Ranges calls do with consecutive ranges that together cover [0, n), on as many goroutines as the work (n items of cost operations each) is
// worth. It returns when all calls have.
func Ranges(n, cost int, do func(from, to int)) {
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
