package native

import (
	"context"
	"runtime"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/tensor"
)

// Engine loads models that run in plain Go on the CPU. The zero value is ready to use.
type Engine struct{}

var _ engine.Engine = Engine{}

// Name returns "native".
func (Engine) Name() string { return "native" }

// Supports reports whether the engine computes in that dtype.
func (Engine) Supports(dtype tensor.DType) bool { return dtype.IsFloat() }

// Load copies the weights into packed matrices, which in half precision have 16 bits for each value. Until Close those of a large model are outside of Go's heap, where neither the
// garbage collector nor GOMEMLIMIT counts them. It implements [engine.Engine].
func (e Engine) Load(ctx context.Context, config arch.Config, weights []tensor.Named, options engine.Options) (engine.Model, error) {
	if options.Device != "" && options.Device != "cpu" {
		return nil, &engine.DeviceError{Engine: e.Name(), Device: options.Device, Reason: "runs on the CPU only"}
	}
	threads := threadsOf(options)
	switch options.DType {
	case tensor.F64:
		return load(ctx, config, weights, threads, precision[float64]{})
	case tensor.F32, tensor.Invalid:
		return load(ctx, config, weights, threads, precision[float32]{})
	case tensor.BF16:
		return load(ctx, config, weights, threads, precision[float32]{elementary.RoundBF16, gemm.BF16})
	case tensor.F16:
		return load(ctx, config, weights, threads, precision[float32]{elementary.RoundF16, gemm.F16})
	}
	return nil, e.without(options.DType)
}

// without is the error for a dtype in which the engine does not compute.
func (e Engine) without(dtype tensor.DType) error {
	return &engine.DTypeError{Engine: e.Name(), DType: dtype, Reason: "it has F64, F32, BF16 and F16"}
}

// threadsOf returns the number of threads that one Forward uses.
func threadsOf(options engine.Options) int {
	if options.Threads > 0 {
		return options.Threads
	}
	return runtime.GOMAXPROCS(0)
}
