package verify

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// Reference is what a subject is compared with.
type Reference interface {
	// Origin describes the reference.
	Origin() Origin
	// Open makes the reference ready for a subject. The caller closes what it gets.
	Open(ctx context.Context, subject Subject) (Source, error)
}

// Source runs a reference.
type Source interface {
	// Input gives the images [from, to).
	Input(from, to int) (engine.Input, error)
	// Run hands what the reference has of the activations of these images to tap, in the order of the forward pass. input is what Input
	// gave for them. Source owns neither afterwards.
	Run(ctx context.Context, from, to int, input engine.Input, tap engine.Tap) error
	Close() error
}

// Origin describes a reference.
type Origin struct {
	// Name is for reports: "recording FILE (timm 1.0.31, float32)".
	Name string
	// DType is what the reference was computed in; Stored is the half precision that its weights were rounded to, or F64.
	DType, Stored tensor.DType
	// Epsilon is that of its LayerNorms, or 0 where it is unknown.
	Epsilon float64
	// Images is how many there are, or 0 where any number can be drawn.
	Images int
	// Exact tells that the subject should compute in the same dtype if it can, unless it is told otherwise.
	Exact bool
}

// Draw makes probe images [from, to) for an architecture. For models with a mask token every third patch is masked.
func Draw(config arch.Config, from, to int) engine.Input {
	input := engine.Input{Pixels: probes(config, 0, from, to)}
	if config.MaskToken {
		input.Mask = make([]bool, (to-from)*config.Patches())
		for i := range input.Mask {
			input.Mask[i] = i%config.Patches()%3 == 1
		}
	}
	return input
}

// probes are the probe images [from, to) of the recipe.
func probes(config arch.Config, seed uint64, from, to int) []float32 {
	var pixels []float32
	for n := from; n < to; n++ {
		pixels = append(pixels, synth.Image(n, config.ImageHeight, config.ImageWidth, seed)...)
	}
	return pixels
}

// MismatchError says that a reference is about a model of another architecture.
type MismatchError struct {
	// What is an activation, "input" or "mask".
	What string
	// Got is the subject's shape, Want the reference's. Got is nil where the subject has no such activation.
	Got, Want tensor.Shape
}

func (e *MismatchError) Error() string {
	if e.Got == nil {
		return fmt.Sprintf("the reference has %s %s, which the model does not", e.What, e.Want)
	}
	return fmt.Sprintf("%s is %s in the reference, and %s in the model", e.What, e.Want, e.Got)
}

// Hint tells the user what to do next.
func (e *MismatchError) Hint() string {
	return "the reference is of another architecture; compare its metadata with: beitzoo inspect FILE"
}
