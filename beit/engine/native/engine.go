package native

import (
	"context"
	"runtime"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
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
	if options.DType == tensor.F64 {
		return load(ctx, config, weights, threads, precision[float64]{})
	}
	p, err := e.narrow(options.DType)
	if err != nil {
		return nil, err
	}
	return load(ctx, config, weights, threads, p)
}

// threadsOf returns the number of threads that one Forward uses.
func threadsOf(options engine.Options) int {
	if options.Threads > 0 {
		return options.Threads
	}
	return runtime.GOMAXPROCS(0)
}
