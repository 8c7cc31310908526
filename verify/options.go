package verify

import (
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// Subject is the model that is judged.
type Subject struct {
	// Name is the model's name in reports, such as its path or its name in the zoo.
	Name   string
	Config arch.Config
	// Weights are canonical tensors, exactly Config.Params(). They are read during Verify, so their checkpoint must stay open.
	Weights []tensor.Named
	// KeyBias are the tensors of the file whose part for the keys was left out, since softmax does not see it; Verify says so.
	KeyBias []string
	// Rounded are parameters whose values were computed, and rounded to their dtype when they were stored, as a repair does: beside a reference in float64 the
	// stages that read them agree to the rounding of that dtype only, and Verify says so.
	Rounded []string
	// EpsilonGuessed means that nothing states Config.Epsilon: if the reference states another, that is said, and nobody is blamed.
	EpsilonGuessed bool
	// Shifted says that Config has the taps of a class of transformers that taps the block two below each number that its configuration states.
	Shifted bool
	// Engine runs the model; nil means native.Engine.
	Engine engine.Engine
	// Options say how Engine runs the model. Without a DType it runs in float64 if the reference is a float64 recording and the engine supports that, else
	// in float32.
	Options engine.Options
}

// Options are the options of Verify. With the zero value it compares everything that the reference has.
type Options struct {
	// Images is the number of images to compare; 0 means all that are recorded, or 2 if there is no recording.
	Images int
	// Progress, if not nil, is called after each comparison with the number of activations done and the number of all, both counted for each image.
	Progress func(done, total int)
	// NoBlame omits the search for the reason of a divergence.
	NoBlame bool
	// Phase, if not nil, is called whenever Verify turns to another phase of its work, on the goroutine that called Verify. The phases of the comparison come
	// again with each part of the model and each batch of images.
	Phase func(Phase)
	// Effort bounds the search for the reason where the reference has no activation before a stage; 0 means blame.Normal.
	Effort blame.Effort
}

// Phase is a kind of work that Verify does, for measuring what takes how long.
type Phase string

// The phases.
const (
	// Opening prepares the reference and the models.
	Opening Phase = "opening"
	// Reading reads the weights of one part in each dtype, and lays them out for products.
	Reading Phase = "reading weights"
	// Running computes that part in the whole runs, and waits for the subject's engine and the reference.
	Running Phase = "whole runs"
	// Alone computes its stages from the reference's own activations.
	Alone Phase = "stages alone"
	// Comparing compares the activations.
	Comparing Phase = "comparing"
	// Doubting measures, if anything differs, what else than a fault may explain it.
	Doubting Phase = "doubts"
	// Searching looks for reasons.
	Searching Phase = "reasons"
)

// DrawnImages is the default number of images without a recording. It is more than one, because a wrong model may be right on one image by chance.
const DrawnImages = 2

// storage returns the coarsest dtype that the weights were rounded to, BF16 or F16, or F64 if they were not rounded. Weights are trained in float32, so those
// stored in float32 were not rounded.
func storage(weights []tensor.Named) tensor.DType {
	stored := tensor.F64
	for _, w := range weights {
		if w.DType == tensor.F16 || w.DType == tensor.BF16 {
			stored = coarser(stored, w.DType)
		}
	}
	return stored
}
