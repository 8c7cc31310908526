package store

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// Limiter keeps the rate of all streams that use it together below a number of bytes a second. Its methods may be called from several goroutines.
type Limiter struct{ bucket *rate.Limiter }

// burst limits what may arrive at once after a pause: the bytes of so much time.
const burst = 100 * time.Millisecond

// NewLimiter returns a Limiter to bytesPerSecond, which must be above zero.
func NewLimiter(bytesPerSecond int64) *Limiter {
	saved := min(max(1, float64(bytesPerSecond)*burst.Seconds()), 1<<30)
	return &Limiter{rate.NewLimiter(rate.Limit(bytesPerSecond), int(saved))}
}

// Wait waits as long as n bytes must take at that rate, or returns the cause of ctx. A nil Limiter does not wait.
func (l *Limiter) Wait(ctx context.Context, n int) error {
	if l == nil {
		return nil
	}
	var delay time.Duration
	for ; n > 0; n -= l.bucket.Burst() { // no more than that can be reserved at once; the last reservation is the latest
		delay = l.bucket.ReserveN(time.Now(), min(n, l.bucket.Burst())).Delay()
	}
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
