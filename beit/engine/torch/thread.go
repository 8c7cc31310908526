//go:build libtorch

package torch

import (
	"runtime"
	"sync"

	"github.com/sugarme/gotch/libtch"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// thread runs functions one after another on a thread of the operating system that nothing else uses, with gradients off.
type thread struct {
	work chan func()
	// stop is closed by close; ended when the goroutine has returned, and with it the thread of the operating system.
	stop, ended chan struct{}
	stopping    sync.Once
}

func newThread(threads int) *thread {
	t := &thread{work: make(chan func()), stop: make(chan struct{}), ended: make(chan struct{})}
	go t.loop(threads)
	return t
}

// loop never unlocks its thread. So the thread ends with it, and with the thread the pool of threads that libtorch keeps for it. A last error that
// an earlier user of the thread left behind is forgotten.
func (t *thread) loop(threads int) {
	defer close(t.ended)
	runtime.LockOSThread()
	lastError()
	libtch.AtGradSetEnabled(0)
	for {
		select {
		case f := <-t.work:
			// Part of this setting is shared by the whole process, where another model may have changed it: so it is set before each piece of work.
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

// attempt reports whether compute succeeds, on a thread of its own.
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
