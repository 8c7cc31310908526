//go:build libtorch

package torch

import (
	"runtime"
	"sync"

	"github.com/sugarme/gotch/libtch"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// thread runs functions one after another on its own thread of the operating system, on which libtorch does not record gradients.
type thread struct {
	work chan func()
	// stop is closed to end the goroutine; ended is closed after the goroutine, and with it the thread of the operating system, has ended.
	stop, ended chan struct{}
	stopping    sync.Once
}

func newThread(threads int) *thread {
	t := &thread{work: make(chan func()), stop: make(chan struct{}), ended: make(chan struct{})}
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
		case <-t.stop:
			return
		}
	}
}

// do runs f and waits for it, or returns engine.ErrClosed.
func (t *thread) do(f func()) error {
	done := make(chan struct{})
	select {
	case t.work <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-t.ended:
		return engine.ErrClosed
	}
}

// close ends the thread and waits for its end.
func (t *thread) close() {
	t.stopping.Do(func() { close(t.stop) })
	<-t.ended
}

// attempt reports whether compute succeeds. It runs it on a new thread.
func attempt(compute func(s *scope)) bool {
	t := newThread(1)
	defer t.close()
	s := &scope{}
	err := t.do(func() {
		defer s.close()
		compute(s)
	})
	return err == nil && s.err == nil
}
