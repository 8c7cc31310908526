package store

import (
	"context"
	"sync"
	"time"
)

// Limiter keeps the rate of all that goes through it below a number of bytes a second. One Limiter can serve many stores and streams.
type Limiter struct {
	rate int64

	mu sync.Mutex
	// free is when the bytes that were let through so far will have had their time.
	free time.Time
}

// NewLimiter lets through rate bytes a second, which must be above zero.
func NewLimiter(rate int64) *Limiter { return &Limiter{rate: rate} }

// burst is how much time may be saved up while nothing flows.
const burst = 100 * time.Millisecond

// Wait returns when n bytes may have flowed, or with the cause of ctx. A nil Limiter does not wait.
func (l *Limiter) Wait(ctx context.Context, n int) error {
	if l == nil || n <= 0 {
		return nil
	}
	delay := l.reserve(n)
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

func (l *Limiter) reserve(n int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if earliest := now.Add(-burst); l.free.Before(earliest) {
		l.free = earliest
	}
	l.free = l.free.Add(time.Duration(float64(n) / float64(l.rate) * float64(time.Second)))
	return l.free.Sub(now)
}
