package verify

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// rest is what follows the attention branch in blocks whose branch is wrong, by their stages.
type rest map[engine.Stage]*localMeter

// judgeRest judges blocks again whose branch of attention is wrong by itself, so that a block fails alone only if something after the branch is wrong, too: what
// follows is computed from the branch that the reference has.
func (v *verification) judgeRest(ctx context.Context, r *Result) error {
	rests := v.wrongBranches(r)
	if kind := v.subject.Config.Kind; len(rests) == 0 || kind != arch.Transformer && kind != arch.UPerNet {
		return nil
	}
	config := v.subject.Config
	if v.doubts != nil && v.doubts.narrow {
		config.Epsilon = float64(float32(config.Epsilon))
	}
	model, err := whatif.New(config, v.subject.Weights)
	if err != nil {
		return fmt.Errorf("computing blocks from their branches: %w", err)
	}
	err = v.batches(func(from, to int) error {
		return v.replay(ctx, from, to, func(b *batch, stages []engine.Stage, want []*engine.Activation) error {
			meter := rests[stages[len(stages)-1]]
			if meter == nil {
				return nil
			}
			return b.finishBlock(ctx, stages, want, model.Version(), meter)
		})
	})
	if err != nil {
		return err
	}
	for i, t := range r.Taps {
		stage, _ := engine.ParseStage(t.Name) // the engine's own names
		if meter := rests[stage]; meter != nil && meter.count > 0 {
			v.meterOf(t.Name).local = meter
			again, _ := v.tap(v.meterOf(t.Name))
			r.Taps[i].Local, r.Taps[i].Where = again.Local, again.Where
		}
	}
	return nil
}

// wrongBranches returns meters for the blocks that fail alone, as their branches do.
func (v *verification) wrongBranches(r *Result) rest {
	rests := rest{}
	fails := func(t Tap) bool { return t.Local != nil && !t.Local.OK && t.NonFinite == 0 }
	for i, t := range r.Taps[:max(0, len(r.Taps)-1)] {
		next := r.Taps[i+1]
		if next.Name+branchSuffix != t.Name || !fails(t) || !fails(next) {
			continue
		}
		if stage, err := engine.ParseStage(next.Name); err == nil {
			rests[stage] = &localMeter{limits: v.limitsOf(stage.Kind)}
		}
	}
	return rests
}

// meterOf returns the meter of the tap of that name, which there is.
func (v *verification) meterOf(name string) *tapMeter {
	for _, m := range v.taps {
		if m.name == name {
			return m
		}
	}
	return nil
}

// finishBlock measures one block from its branch. Its rounding is taken to be that of the whole block.
func (b *batch) finishBlock(ctx context.Context, stages []engine.Stage, want []*engine.Activation, model *whatif.Version, meter *localMeter) error {
	before, has := b.localBefore(stages[0])
	branch, stream := want[0], want[1]
	if !has || branch == nil || stream == nil || !drift.AllFinite(branch.Values) {
		return nil
	}
	if err := b.loadLanes(stages[0], b.exact, b.rough); err != nil {
		return err
	}
	local, err := b.localActivations(ctx, stages, want, b.exact, b.rough)
	if err != nil {
		return err
	}
	defer model.Forget(fmt.Sprintf("blocks.%d.", stages[0].Block))
	block, err := model.Block(stages[0].Block)
	if err != nil {
		return fmt.Errorf("computing %s from its branch: %w", stream.Name, err)
	}
	width := b.verification.subject.Config.EmbedDim
	finished, err := block.Finish(ctx, whatif.RowsOf(before[0].Values, width), whatif.RowsOf(branch.Values, width))
	if err != nil {
		return err
	}
	rough := make([]float64, len(finished.Values))
	for i, value := range finished.Values {
		rough[i] = value + local.rough[1].Values[i] - local.exact[1].Values[i]
	}
	meter.add(b.from, stream, finished.Values, rough)
	return nil
}
