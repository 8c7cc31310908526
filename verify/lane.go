package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
)

// lane is a model in the native engine of which one part at a time is in memory.
type lane struct {
	parts *native.Parts
	part  native.Part
	dtype tensor.DType
}

// newLane makes a lane of weights in a dtype.
func (v *verification) newLane(config arch.Config, weights []tensor.Named, dtype tensor.DType) (*lane, error) {
	parts, err := native.Engine{}.Parts(config, weights, engine.Options{DType: dtype, Threads: v.subject.Options.Threads})
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", v.subject.Name, err)
	}
	return &lane{parts: parts, dtype: dtype}, nil
}

// run computes the part that was loaded.
func (l *lane) run(ctx context.Context, input engine.Input, before []engine.Activation) ([]engine.Activation, error) {
	return l.part(ctx, input, before...)
}

// walk is a forward pass in a lane, part by part.
type walk struct {
	lane  *lane
	input engine.Input
	trail *trail
	// before are the activations from which the last part was computed, and now are those of it.
	before []engine.Activation
	now    []*engine.Activation
}

// fork returns the walk that goes on in another lane from where this one is.
func (w *walk) fork(l *lane) *walk {
	forked := *w
	forked.lane, forked.trail = l, w.trail.clone()
	return &forked
}

// step computes the next part, which the lane has loaded.
func (w *walk) step(ctx context.Context, stages []engine.Stage) ([]*engine.Activation, error) {
	w.before, _ = w.trail.inputs(stages[0])
	all, err := w.lane.run(ctx, w.input, w.before)
	if err != nil {
		return nil, err
	}
	w.now = pointers(all)
	w.trail.add(stages, w.now)
	return w.now, nil
}

// partwise returns the runner of a model of which one part at a time is in memory.
func partwise(parts *native.Parts, config arch.Config, input engine.Input) runner {
	return func(ctx context.Context, tap engine.Tap) error {
		trail := newTrail(config)
		for _, stages := range partsOf(config) {
			part, err := parts.Load(stages[0])
			if err != nil {
				return err
			}
			before, _ := trail.inputs(stages[0])
			all, err := part(ctx, input, before...)
			if err != nil {
				return err
			}
			trail.add(stages, pointers(slices.Clone(all)))
			trail.own(stages) // a tap may change what it gets
			for _, a := range all {
				if err := tap(a); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func pointers(all []engine.Activation) []*engine.Activation {
	var out []*engine.Activation
	for i := range all {
		out = append(out, &all[i])
	}
	return out
}

// branchOf returns the stage of the attention branch of a block, or that of no kind for other stages.
func branchOf(s engine.Stage) engine.Stage {
	switch s.Kind {
	case engine.Block:
		return engine.Stage{Kind: engine.Attention, Block: s.Block}
	case engine.DecoderBlock:
		return engine.Stage{Kind: engine.DecoderAttention, Block: s.Block}
	}
	return engine.Stage{}
}

// partsOf returns the stages of an architecture, those of a block together.
func partsOf(config arch.Config) [][]engine.Stage {
	var parts [][]engine.Stage
	for _, s := range engine.Stages(config) {
		if n := len(parts); n > 0 && branchOf(s) == parts[n-1][0] {
			parts[n-1] = append(parts[n-1], s)
			continue
		}
		parts = append(parts, []engine.Stage{s})
	}
	return parts
}
