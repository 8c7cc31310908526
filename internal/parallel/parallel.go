// Package parallel runs the iterations of a loop on several goroutines.
//
// Use it for loops whose iterations write to separate memory and do not depend on each other: their order is not determined. Results are then the
// same for any number of goroutines.
package parallel

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// For calls body(worker, i) for each i in [0, n), on at most threads goroutines, and returns after all calls have. worker is in [0, threads), and calls
// with the same worker do not overlap, so it can be the index of scratch memory.
func For(threads, n int, body func(worker, i int)) {
	_ = Until(context.Background(), threads, n, body) // which does not end
}

// Until is like For until ctx ends: then no more calls begin, and when those that run have returned, so does Until, with the error of ctx.
func Until(ctx context.Context, threads, n int, body func(worker, i int)) error {
	threads = min(threads, n)
	if threads <= 1 {
		for i := range n {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			body(0, i)
		}
		return ctx.Err()
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for worker := range threads {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				body(worker, int(i))
			}
		})
	}
	group.Wait()
	return ctx.Err()
}

// Chunks splits [0, n) into consecutive ranges of at most size and calls body(worker, from, to) for each as Until does.
func Chunks(ctx context.Context, threads, n, size int, body func(worker, from, to int)) error {
	return Until(ctx, threads, (n+size-1)/size, func(worker, i int) {
		body(worker, i*size, min(n, (i+1)*size))
	})
}

// worthwhile is the number of simple operations, such as those on a pixel, below which starting a goroutine costs more than it saves.
const worthwhile = 1 << 16

// Ranges calls do with consecutive ranges that together cover [0, n), and returns after all calls have. The work is n items of cost operations each; it
// takes at most GOMAXPROCS goroutines, and fewer for little work.
func Ranges(n, cost int, do func(from, to int)) { RangesOn(runtime.GOMAXPROCS(0), n, cost, do) }

// RangesOn is Ranges on at most threads goroutines.
func RangesOn(threads, n, cost int, do func(from, to int)) {
	workers := min(threads, n, 1+n*cost/worthwhile)
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

// Each calls do for 0 to n-1, on GOMAXPROCS goroutines, and returns the first error. After an error, or when ctx ends, no more calls begin.
func Each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return do(ctx, i)
		})
	}
	return group.Wait()
}
