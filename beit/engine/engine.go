package engine

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// Engine loads models. Implementations are safe for concurrent use.
type Engine interface {
	// Name returns the name of the engine, one word: "native" or "torch".
	Name() string
	// Load makes a model of tensors with canonical names: exactly config.Params(), in any order, of any float dtype. They are copied, so they may be
	// closed afterwards. The caller closes the model. The error is an *arch.ConfigError for an impossible config, a *ParametersError for tensors that do
	// not fit it, and a *DeviceError or *DTypeError for a device or dtype that the engine does not have.
	Load(ctx context.Context, config arch.Config, weights []tensor.Named, options Options) (Model, error)
}

// Supports reports whether an engine computes in a dtype on the CPU. It asks the engine's method Supports(tensor.DType) bool; an engine without that method
// is assumed to compute in F32 only.
func Supports(e Engine, dtype tensor.DType) bool {
	if able, says := e.(interface{ Supports(dtype tensor.DType) bool }); says {
		return able.Supports(dtype)
	}
	return dtype == tensor.F32
}

// Options say how a model is run. The zero value means float32 on all cores of the CPU.
type Options struct {
	// DType is that of weights and activations: F64, F32, BF16 or F16. Invalid, the zero value, means F32.
	DType tensor.DType
	// Device is "cpu", "cuda" or "cuda:N"; empty means "cpu".
	Device string
	// Threads is the number of threads that one Forward uses; 0 means GOMAXPROCS.
	Threads int
	// Batch is how many images most calls of Forward will have; 0 means 1. An engine may arrange the weights for that. Calls with any other number have the same results,
	// within rounding, but may take longer.
	Batch int
}

// Model is a loaded model. Forward may be called from several goroutines at once. Close frees the model; it must not be called during a Forward. Closing
// twice, also from several goroutines at once, is not an error; a Forward after it returns ErrClosed.
type Model interface {
	// Forward returns the logits: [N, Classes], or [N, Patches, Classes] for masked image modelling. A model without a head returns the activation of
	// Pool instead, one of features, without a final norm, that of the last block, a tokenizer that of Tokens, and the decoder of a dVAE that of Picture. tap, if
	// not nil, is called with the activation of each stage, in the order of Stages; it does not change the result, though without one an engine leaves out what only
	// a tap would see: the decoder of VQ-KD. Input of a wrong size is an *InputError. If ctx ends, Forward returns its error soon after.
	Forward(ctx context.Context, input Input, tap Tap) (Activation, error)
	Close() error
}

// Activation is the value of a stage.
type Activation struct {
	// Name is that of a Stage, such as "embed", "blocks.3.attn" or "logits".
	Name string
	// Shape is the one stated at the constants of StageKind; its first dimension is the number of images.
	Shape tensor.Shape
	// Values are row-major. They belong to the caller. float64 holds the values of every dtype exactly.
	Values []float64
}

// Tap is called with one activation at a time, whose memory it may keep and change, on the goroutine that called Forward. If it returns an error, Forward stops and returns that
// error. It must not call the model, which may compute one Forward at a time.
type Tap func(Activation) error
