package blame

import (
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Case is a stage that differs.
type Case struct {
	// Input is the input of model and reference.
	Input engine.Input
	// After is the reference's activation of the stage, whose name it has. Before is the reference's activation of the stage before, or nil if the
	// reference does not have it or the stage is Embed.
	Before *engine.Activation
	After  engine.Activation
	// Maps are the reference's activations from which a stage behind the blocks of UPerNet is computed, those that [engine.Stage.Inputs] names, or nil if it lacks
	// one. Features are the maps that it has of tapped blocks, or nil for each that it lacks.
	Maps     []engine.Activation
	Features [arch.Levels]*engine.Activation
	// Branch is the reference's attention branch of the same block, or nil; only for the stage of a block.
	Branch *engine.Activation
	// Stream is the reference's stream after the same block, or nil; only for the stage of an attention branch.
	Stream *engine.Activation
	// Limit is how far from After rounding leads, BranchLimit how far from Branch, and StreamLimit how far from Stream; the zero value of BranchLimit means as far as
	// Limit.
	Limit, BranchLimit, StreamLimit Limit
}

// whole reports whether a stage of the case is computed from the input, since the reference lacks what comes before it.
func (c Case) whole(config arch.Config, stage engine.Stage) bool {
	if decodes(config, stage) {
		return c.Maps == nil
	}
	return c.Before == nil && stage.Kind != engine.Embed
}

// Limit is the largest difference that counts as rounding.
type Limit struct {
	// Max is the largest absolute difference, RMS the largest root mean square of the differences; 0 means that it is not known.
	Max, RMS float64
}

// share returns how much of the limit a distance takes: up to 1 it is within.
func (l Limit) share(d drift.Distance) float64 {
	share := ratio(d.MaxAbs, l.Max)
	if l.RMS > 0 {
		share = max(share, ratio(d.RMS, l.RMS))
	}
	return share
}

func ratio(a, b float64) float64 {
	if a == 0 {
		return 0
	}
	if !(b > 0) || math.IsNaN(a) { // NaN too, if the stage was not finite: nothing is within that
		return math.Inf(1)
	}
	return a / b
}
