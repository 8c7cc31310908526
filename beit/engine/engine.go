package engine

import (
	"context"
	"errors"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// ErrUnavailable says that this build or machine lacks what an engine needs: libtorch, a device.
var ErrUnavailable = errors.New("not available here")

// Engine loads models. Implementations are safe for concurrent use.
type Engine interface {
	// Name is the word for the engine in flags and reports.
	Name() string
	// Load makes a model of canonical tensors: exactly config.Params(), of any float dtype. The tensors are not needed afterwards.
	Load(ctx context.Context, config arch.Config, weights []tensor.Named, options Options) (Model, error)
}

// Options say how a model is run. The zero value takes the engine's defaults.
type Options struct {
	// DType of weights and activations: F64, F32, BF16 or F16. Invalid takes F32.
	DType tensor.DType
	// Device is "cpu", "cuda" or "cuda:N"; empty takes "cpu".
	Device string
	// Threads is the number of threads that one Forward uses; 0 takes all cores.
	Threads int
}

// Model is a loaded model. Forward may be called from several goroutines at once. Close ends the model; it must not overlap a Forward, and may be
// called again, and from several goroutines.
type Model interface {
	// Forward computes the logits: [N, Classes], or [N, Patches, Classes] for masked image modelling, or the pooled vector [N, EmbedDim]
	// where the model has no head. A tap that is not nil sees each activation in order, and changes no bit of the result.
	Forward(ctx context.Context, input Input, tap Tap) (Activation, error)
	Close() error
}

// Input is a batch of images.
type Input struct {
	// Pixels are normalised, [N, 3, ImageHeight, ImageWidth]. The engine does not keep or change them.
	Pixels []float32
	// Mask, for masked-image-modelling models only, marks the masked patches: [N, Patches]. Nil masks none.
	Mask []bool
}

// Activation is a named intermediate or final result.
type Activation struct {
	// Name is "embed", "blocks.{i}.attn", "blocks.{i}", "pool" or "logits".
	Name string
	// Shape is [N, Tokens, EmbedDim] for embed and blocks (blocks.{i} is the residual stream after block i, blocks.{i}.attn what its
	// attention branch adds, before layer scale), [N, EmbedDim] for pool (what the head sees), [N, Classes] for logits. For masked image
	// modelling pool is [N, Patches, EmbedDim] and logits are [N, Patches, Classes].
	Shape tensor.Shape
	// Values are row-major; float64 holds every engine's dtype exactly.
	Values []float64
}

// Tap sees one activation at a time. It owns the Activation; returning an error ends the Forward with that error.
type Tap func(Activation) error
