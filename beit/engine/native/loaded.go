package native

import (
	"context"
	"runtime"
	"sync"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
)

// forwarder computes a forward pass, as an [engine.Model] does, with weights that Forward only reads.
type forwarder interface {
	Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error)
}

// loaded is a model with the memory of its weights.
type loaded[T gemm.Float] struct {
	// using is held by each Forward: memory outside of Go's heap is gone as soon as it is freed.
	using  sync.RWMutex
	model  forwarder // nil after Close
	memory *memory[T]
	// forgotten frees the memory of a model that nobody closed.
	forgotten runtime.Cleanup
}

func newLoaded[T gemm.Float](model forwarder, m *memory[T]) *loaded[T] {
	l := &loaded[T]{model: model, memory: m}
	l.forgotten = runtime.AddCleanup(l, (*memory[T]).release, m)
	return l
}

// Forward implements [engine.Model].
func (l *loaded[T]) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	l.using.RLock()
	defer l.using.RUnlock()
	if l.model == nil {
		return engine.Activation{}, engine.ErrClosed
	}
	return l.model.Forward(ctx, input, tap)
}

// Close frees the weights, when no Forward runs any more.
func (l *loaded[T]) Close() error {
	l.using.Lock()
	defer l.using.Unlock()
	if l.model != nil {
		l.model = nil
		l.forgotten.Stop()
		l.memory.release()
	}
	return nil
}
