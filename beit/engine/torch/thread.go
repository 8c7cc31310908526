//go:build libtorch

package torch

import (
	"context"
	"runtime"

	"github.com/sugarme/gotch/libtch"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// thread runs functions one after another on its own thread of the operating system, on which libtorch does not record gradients.
type thread struct {
	// last is work behind which the thread ends.
	work, last chan func()
	// ended is closed after the goroutine, and with it the thread of the operating system, has ended.
	ended chan struct{}
}

func newThread(threads int) *thread {
	t := &thread{work: make(chan func()), last: make(chan func()), ended: make(chan struct{})}
	go t.loop(threads)
	return t
}

// loop runs the functions. It never unlocks its thread, so the thread ends with it, and so does the pool of threads that libtorch keeps for this thread. It
// begins with lastError because an earlier user of the thread may have left an error behind.
func (t *thread) loop(threads int) {
	defer close(t.ended)
	runtime.LockOSThread()
	lastError()
	libtch.AtGradSetEnabled(0)
	for {
		select {
		case f := <-t.work:
			// Part of this setting is global to the process, and another model may have changed it. So it is set before each function.
			setThreads(threads)
			f()
		case f := <-t.last:
			f()
			return
		}
	}
}

// do runs f, waits for it and returns its error. It returns engine.ErrClosed if the thread has ended, or the error of ctx if that ends before f begins.
func (t *thread) do(ctx context.Context, f func() error) error {
	return t.doWith(ctx, func(func(func() error) error) error { return f() })
}

// compute is do of a computation in a scope of its own.
func (t *thread) compute(ctx context.Context, f func(s *scope)) error {
	return t.do(ctx, func() error {
		s := &scope{}
		defer s.close()
		f(s)
		return s.err
	})
}

// doWith is do of an f that calls back: what it passes to its argument runs on the goroutine of the caller, which waits for f in any case. If that panics or ends the goroutine,
// f gets context.Canceled.
func (t *thread) doWith(ctx context.Context, f func(callback func(func() error) error) error) (err error) {
	done, left := make(chan struct{}), make(chan struct{})
	calls, answers := make(chan func() error), make(chan error)
	work := func() {
		defer close(done)
		err = f(func(call func() error) error {
			select {
			case calls <- call:
			case <-left:
				return context.Canceled
			}
			select {
			case err := <-answers:
				return err
			case <-left:
				return context.Canceled
			}
		})
	}
	select {
	case t.work <- work:
	case <-ctx.Done():
		return ctx.Err()
	case <-t.ended:
		return engine.ErrClosed
	}
	defer func() { close(left); <-done }()
	for {
		select {
		case call := <-calls:
			answers <- call()
		case <-done:
			return err
		}
	}
}

// close ends the thread and waits for its end.
func (t *thread) close() { t.closeAfter(func() {}) }

// closeAfter runs f, and nothing after it, and closes. If the thread has ended already, it does nothing.
func (t *thread) closeAfter(f func()) {
	select {
	case t.last <- f:
		<-t.ended
	case <-t.ended:
	}
}

// attempt reports whether compute succeeds. It runs it on a new thread.
func attempt(compute func(s *scope)) bool {
	t := newThread(1)
	defer t.close()
	return t.compute(context.Background(), compute) == nil
}
