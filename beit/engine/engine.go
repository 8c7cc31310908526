package engine

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// Engine loads models. Implementations are safe for concurrent use.
type Engine interface {
	// Name returns one word that tells the engine from others: "native", "torch".
	Name() string
	// Load makes a model of canonical tensors: exactly config.Params(), of any float dtype. The tensors are not needed afterwards. Tensors that
	// do not fit are a *ParametersError, a device or dtype that the engine does not have a *DeviceError or *DTypeError.
	Load(ctx context.Context, config arch.Config, weights []tensor.Named, options Options) (Model, error)
}

// Supports reports whether an engine computes in a dtype on the CPU. An engine says so with a method Supports(tensor.DType) bool; one that has none
// is taken to compute in F32 alone.
func Supports(e Engine, dtype tensor.DType) bool {
	if able, says := e.(interface{ Supports(dtype tensor.DType) bool }); says {
		return able.Supports(dtype)
	}
	return dtype == tensor.F32
}

// Options say how a model is run. The zero value means float32 on all cores of the CPU.
type Options struct {
	// DType is that of weights and activations: F64, F32, BF16 or F16. Invalid stands for F32.
	DType tensor.DType
	// Device is "cpu", "cuda" or "cuda:N"; empty stands for "cpu".
	Device string
	// Threads is the number of threads that one Forward uses; 0 stands for one on each core.
	Threads int
}

// Model is a loaded model. Forward may be called from several goroutines at once. Close ends the model; it must not overlap a Forward, and may be
// called again, and from several goroutines.
type Model interface {
	// Forward returns the logits: [N, Classes], or [N, Patches, Classes] for masked image modelling, or the pooled vector [N, EmbedDim]
	// if the model has no head. A tap that is not nil is called with the activation of each stage, in the order of Stages; that it is there
	// changes no bit of the result. Input of another size is an *InputError.
	Forward(ctx context.Context, input Input, tap Tap) (Activation, error)
	Close() error
}

// Activation is the value of a stage.
type Activation struct {
	// Name is that of a Stage: "embed", "blocks.3.attn", "blocks.3", "pool" or "logits".
	Name string
	// Shape is what StageKind says; its first dimension is the number of images.
	Shape tensor.Shape
	// Values are row-major; float64 holds every engine's dtype exactly.
	Values []float64
}

// Tap is called with one activation at a time, which it owns. If it returns an error, Forward ends and returns that error.
type Tap func(Activation) error
