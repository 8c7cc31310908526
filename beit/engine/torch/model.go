//go:build libtorch

package torch

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
)

// machine is where and how a model computes, and has the memory that it keeps.
type machine struct {
	device device
	dtype  dtype
	// threads is how many threads an operator uses.
	threads int
	// weights owns the tensors that stay until the model is closed.
	weights scope
}

// model is a loaded model. Everything in it is used on its thread only.
type model struct {
	machine
	config  arch.Config
	thread  *thread
	network network
}

// network is the forward pass of a kind of model.
type network interface {
	// forward computes a batch, calls the tap with each stage, and returns what Forward does. Errors are those of s.
	forward(ctx context.Context, s *scope, input engine.Input, images int, tap engine.Tap) engine.Activation
}

// Forward implements [engine.Model]. When ctx ends, it stops before the next block, or where weights are packed for one image, before the next image.
func (m *model) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	var last engine.Activation
	images, err := engine.Images(m.config, input)
	if err != nil {
		return last, err
	}
	if err := ctx.Err(); err != nil {
		return last, err
	}
	err = m.thread.doWith(ctx, func(callback func(func() error) error) error {
		s := &scope{}
		defer s.close()
		here := tap
		if tap != nil {
			here = func(a engine.Activation) error { return callback(func() error { return tap(a) }) }
		}
		last = m.network.forward(ctx, s, input, images, here)
		return s.err
	})
	return last, err
}

// Close frees the weights and ends the thread.
func (m *model) Close() error {
	m.thread.closeAfter(m.weights.close)
	return nil
}
