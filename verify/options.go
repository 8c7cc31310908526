package verify

import (
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// Subject is the model that is judged.
type Subject struct {
	// Name stands for the model in reports: a path or the name of an entry of the zoo.
	Name   string
	Config arch.Config
	// Weights are canonical tensors, exactly Config.Params(). They are read during Verify.
	Weights []tensor.Named
	Engine  engine.Engine
	// Options say how Engine runs the model. Without a dtype it runs in float64 beside a float64 recording if the engine can, else in float32.
	Options engine.Options
}

// Options change how Verify works. The zero value compares everything that the reference has.
type Options struct {
	// Images is how many images to compare; 0 stands for all that are recorded, or for two if they are drawn.
	Images int
	// Progress is called after each activation, with the number that are done and the number in all.
	Progress func(done, total int)
	// NoBlame leaves out the search for the reason of a failure.
	NoBlame bool
}

// drawnImages is how many images are drawn if Options do not say: with one alone, a wrong model could be lucky.
const drawnImages = 2

// storage returns the half precision that the weights were rounded to, or F64 for float32 too: weights are trained in float32, so storing them in it
// rounds nothing.
func storage(weights []tensor.Named) tensor.DType {
	stored := tensor.F64
	for _, w := range weights {
		if w.DType == tensor.F16 || w.DType == tensor.BF16 {
			stored = coarser(stored, w.DType)
		}
	}
	return stored
}
