package store

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// Limiter keeps the rate of everything that goes through it below a number of bytes a second. One Limiter can serve many stores and streams.
type Limiter struct{ bucket *rate.Limiter }

// burst is the time for which bytes may be saved up while nothing flows.
const burst = 100 * time.Millisecond

// NewLimiter lets through bytesPerSecond, which must be above zero.
func NewLimiter(bytesPerSecond int64) *Limiter {
	saved := min(max(1, float64(bytesPerSecond)*burst.Seconds()), 1<<30)
	return &Limiter{rate.NewLimiter(rate.Limit(bytesPerSecond), int(saved))}
}

// Wait returns when n bytes may have flowed, or with the cause of ctx. A nil Limiter does not wait.
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
