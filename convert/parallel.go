package convert

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/tensor"
)

// parallel calls do for 0 .. n-1 with all cores, each guarded against files that are cut short, and returns the first error.
func parallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return tensor.Guard(func() error { return do(ctx, i) })
		})
	}
	return group.Wait()
}
