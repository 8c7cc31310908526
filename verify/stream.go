package verify

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// runner is a forward pass that calls a tap with its activations.
type runner func(ctx context.Context, tap engine.Tap) error

// forward returns the runner of a loaded model.
func forward(model engine.Model, input engine.Input) runner {
	return func(ctx context.Context, tap engine.Tap) error {
		_, err := model.Forward(ctx, input, tap)
		return err
	}
}

// stream hands out the activations of a runner one at a time, so that only one of them is in memory.
type stream struct {
	next chan engine.Activation
	// err is the runner's; it is set before next is closed.
	err error
	// ahead is the next activation if it was received already.
	ahead *engine.Activation
	stop  context.CancelFunc
}

// startStream starts the runner, on a goroutine of its own.
func startStream(ctx context.Context, run runner) *stream {
	ctx, stop := context.WithCancel(ctx)
	s := &stream{next: make(chan engine.Activation), stop: stop}
	go func() {
		defer close(s.next)
		s.err = run(ctx, func(a engine.Activation) error {
			select {
			case s.next <- a:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return s
}

// close ends the runner, and waits for that.
func (s *stream) close() {
	s.stop()
	for range s.next { // until it is closed
	}
}

// peek returns the next activation, or nil at the end of the stream.
func (s *stream) peek() (*engine.Activation, error) {
	if s.ahead == nil {
		a, more := <-s.next
		if !more {
			return nil, s.err
		}
		s.ahead = &a
	}
	return s.ahead, nil
}

// take removes and returns the next activation if it is that of the stage, else it returns nil.
func (s *stream) take(stage engine.Stage) (*engine.Activation, error) {
	a, err := s.peek()
	if err != nil || a == nil || a.Name != stage.String() {
		return nil, err
	}
	s.ahead = nil
	return a, nil
}

// takeAll returns what take returns for each stage.
func (s *stream) takeAll(stages []engine.Stage) ([]*engine.Activation, error) {
	taken := make([]*engine.Activation, len(stages))
	for i, stage := range stages {
		var err error
		if taken[i], err = s.take(stage); err != nil {
			return nil, err
		}
	}
	return taken, nil
}
