package verify

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// runner is a forward pass that calls a tap with its activations.
type runner func(ctx context.Context, tap engine.Tap) error

// lockstep runs several forward passes at once and calls visit for each stage with the activations of all of them, so only one activation of each pass is
// in memory. The first runner is the leader: visit is called for each of its activations; acts has the others' activations of that name, or nil for a
// runner that does not have it. If a runner has an activation that the leader does not have, the error is a *MismatchError.
func lockstep(ctx context.Context, runners []runner, visit func(acts []*engine.Activation) error) error {
	group, ctx := errgroup.WithContext(ctx)
	streams := make([]*stream, len(runners))
	for i, run := range runners {
		s := &stream{next: make(chan engine.Activation)}
		streams[i] = s
		group.Go(func() error {
			defer close(s.next)
			return run(ctx, func(a engine.Activation) error {
				select {
				case s.next <- a:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		})
	}
	group.Go(func() error { return follow(ctx, streams, visit) })
	return group.Wait()
}

// stream is the output of a runner. ahead is the next activation if it was received already.
type stream struct {
	next  chan engine.Activation
	ahead *engine.Activation
}

// peek waits for the next activation and returns it, or nil at the end of the stream or when ctx ends.
func (s *stream) peek(ctx context.Context) *engine.Activation {
	if s.ahead != nil {
		return s.ahead
	}
	select {
	case a, more := <-s.next:
		if more {
			s.ahead = &a
		}
	case <-ctx.Done():
	}
	return s.ahead
}

// take removes and returns the next activation if it has that name, else it returns nil.
func (s *stream) take(ctx context.Context, name string) *engine.Activation {
	a := s.peek(ctx)
	if a == nil || a.Name != name {
		return nil
	}
	s.ahead = nil
	return a
}

// follow calls visit until the leader ends.
func follow(ctx context.Context, streams []*stream, visit func(acts []*engine.Activation) error) error {
	for {
		leader := streams[0].peek(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if leader == nil {
			return leftOver(ctx, streams)
		}
		acts := make([]*engine.Activation, len(streams))
		for i, s := range streams {
			acts[i] = s.take(ctx, leader.Name)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := visit(acts); err != nil {
			return err
		}
	}
}

// leftOver returns a *MismatchError if a stream has an activation that the leader did not have.
func leftOver(ctx context.Context, streams []*stream) error {
	for _, s := range streams {
		if a := s.peek(ctx); a != nil {
			return &MismatchError{What: a.Name, Want: a.Shape}
		}
	}
	return ctx.Err()
}
