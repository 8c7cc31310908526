//go:build libtorch

package torch

import (
	"cmp"
	"context"
	"runtime"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// Engine loads models that run in libtorch. The zero value is ready to use.
type Engine struct{}

var _ engine.Engine = Engine{}

// Name returns "torch".
func (Engine) Name() string { return "torch" }

// Supports reports whether this libtorch computes in that dtype on the CPU: 1.13 and 2.1 do not in F16.
func (Engine) Supports(dtype tensor.DType) bool {
	known, err := parseDType(dtype)
	return err == nil && supported(known)
}

// Load copies the weights to the device, in the dtype of options. It implements [engine.Engine]. An exception of libtorch is an *OperatorError.
func (Engine) Load(ctx context.Context, config arch.Config, weights []tensor.Named, options engine.Options) (engine.Model, error) {
	views, err := engine.Parameters(config, weights)
	if err != nil {
		return nil, err
	}
	m := &model{config: config}
	m.threads = cmp.Or(max(options.Threads, 0), runtime.GOMAXPROCS(0))
	if m.device, err = parseDevice(options.Device); err != nil {
		return nil, err
	}
	if m.dtype, err = parseDType(options.DType); err != nil {
		return nil, err
	}
	if m.device == cpu && !supported(m.dtype) {
		return nil, &engine.DTypeError{Engine: Engine{}.Name(), DType: options.DType, Reason: "this libtorch does not compute in it on the CPU", Newer: true}
	}
	if m.device == cpu && config.Convolutional() && !convolves(m.dtype) {
		return nil, &engine.DTypeError{Engine: Engine{}.Name(), DType: options.DType, Reason: "this libtorch has no convolution in it on the CPU", Newer: true}
	}
	if m.device == cpu && config.Segments() && !segments(m.dtype) {
		return nil, &engine.DTypeError{Engine: Engine{}.Name(), DType: options.DType, Reason: "this libtorch does not have the operators of UPerNet in it on the CPU", Newer: true}
	}
	m.thread = newThread(m.threads)
	if err := m.thread.do(ctx, func() error { return m.load(ctx, views, options.Batch) }); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}
