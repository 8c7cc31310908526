package blame

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// kinds are the kinds of stages without engine.Attention, which the same hypotheses affect as engine.Block.
var kinds = []engine.StageKind{engine.Embed, engine.Block, engine.Pool, engine.Logits}

// stageOf returns the stage of a kind, of block 1 if it is in a block.
func stageOf(kind engine.StageKind) engine.Stage {
	s := engine.Stage{Kind: kind}
	if s.InBlock() {
		s.Block = 1
	}
	return s
}

// configs returns architectures such that each hypothesis applies to one of them.
func configs() []arch.Config {
	plain := arch.Config{
		ImageHeight: 12, ImageWidth: 12, PatchSize: 4, Channels: 3, EmbedDim: 24, HiddenDim: 40, Depth: 3, Heads: 4, Classes: 5,
		Pooling: arch.MeanPooling, Bias: arch.BlockBias, LayerScale: true, Epsilon: arch.Epsilon,
	}
	class, absolute, masked := plain, plain, plain
	class.Pooling, class.Epsilon = arch.ClassToken, arch.EpsilonHF
	absolute.AbsolutePosition = true
	masked.Pooling, masked.Bias, masked.MaskToken = arch.AllTokens, arch.SharedBias, true
	return []arch.Config{plain, class, absolute, masked}
}

// example returns a case with seeded weights in which nothing is wrong.
func example(t *testing.T, config arch.Config, kind engine.StageKind) Case {
	t.Helper()
	c := Case{Config: config, Weights: synth.Weights(config, 0), Tolerance: 1e-9}
	c.Input.Pixels = synth.Images(1, config, 0)
	if config.MaskToken {
		c.Input.Mask = make([]bool, config.Patches())
		for i := range c.Input.Mask {
			c.Input.Mask[i] = i%3 == 1
		}
	}
	model, err := native.Engine{}.Load(t.Context(), config, c.Weights, engine.Options{DType: tensor.F64})
	if err != nil {
		t.Fatal(err)
	}
	stage := stageOf(kind)
	before, _ := stage.Before(config.Depth)
	_, err = model.Forward(t.Context(), c.Input, func(a engine.Activation) error {
		switch {
		case a.Name == stage.String():
			c.After = a
		case a.Name == before.String():
			c.Before = &a
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFind_EachHypothesis computes a reference under each hypothesis, and makes sure that Find names this hypothesis for the unchanged weights.
func TestFind_EachHypothesis(t *testing.T) {
	t.Parallel()
	for _, h := range slices.Concat(likely, others) {
		for _, kind := range h.at {
			t.Run(h.name+"/"+stageOf(kind).String(), func(t *testing.T) {
				t.Parallel()
				played := false
				for _, config := range configs() {
					played = played || play(t, h, config, kind)
				}
				if !played {
					t.Error("no architecture has what it is about")
				}
			})
		}
	}
}

func play(t *testing.T, h hypothesis, config arch.Config, kind engine.StageKind) bool {
	t.Helper()
	c := example(t, config, kind)
	wrong := newTrial(c, stageOf(kind))
	if !h.apply(wrong) {
		return false
	}
	after, err := wrong.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if drift.Compare(after.Values, c.After.Values).MaxAbs <= c.Tolerance {
		t.Fatalf("the hypothesis changes nothing")
	}
	c.After = after
	found, err := Find(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if found == nil || found.Hypothesis != h.name || !strings.Contains(found.Sentence, h.says) || found.Distance > c.Tolerance || found.Without <= c.Tolerance {
		t.Errorf("found %+v", found)
	}
	return true
}

// TestFind_OtherMistakes makes sure that no hypothesis explains noise on a weight.
func TestFind_OtherMistakes(t *testing.T) {
	t.Parallel()
	c := example(t, configs()[0], engine.Block)
	wrong := newTrial(c, stageOf(engine.Block))
	wrong.edit("mlp.fc1.weight", func(values []float64, _ tensor.Shape) []float64 {
		values[7] += 0.1
		return values
	})
	after, err := wrong.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.After = after
	if found, err := Find(t.Context(), c); found != nil || err != nil {
		t.Errorf("found %+v, error %v", found, err)
	}
}

func TestFind_Healthy(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		found, err := Find(t.Context(), example(t, configs()[3], kind))
		if err != nil || found == nil || found.Hypothesis != Healthy {
			t.Errorf("%s: found %+v, error %v", stageOf(kind), found, err)
		}
	}
}

// TestFind_WholeModel makes sure that with a reference that has only logits, the likely hypotheses are tried on all blocks.
func TestFind_WholeModel(t *testing.T) {
	t.Parallel()
	for _, h := range likely {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			played := false
			for _, config := range configs()[:2] {
				c := example(t, config, engine.Logits)
				c.Before = nil
				wrong := newTrial(c, stageOf(engine.Logits))
				if played || !h.apply(wrong) {
					continue
				}
				played = true
				after, err := wrong.run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				c.After = after
				found, err := Find(t.Context(), c)
				if err != nil || found == nil || found.Hypothesis != h.name || !strings.HasPrefix(found.Sentence, "the model agrees") {
					t.Errorf("found %+v, error %v", found, err)
				}
			}
			if !played {
				t.Error("no architecture has what it is about")
			}
		})
	}
}

func TestFind_NonFinite(t *testing.T) {
	t.Parallel()
	for kind, name := range map[engine.StageKind]string{
		engine.Block: "blocks.1.mlp.fc2.bias", engine.Embed: "patch_embed.proj.weight", engine.Pool: "fc_norm.weight", engine.Logits: "head.weight",
	} {
		for _, value := range []float64{math.NaN(), math.Inf(-1)} {
			c := example(t, configs()[0], kind)
			spoilt := newTrial(c, stageOf(kind))
			spoilt.whole = true
			spoilt.edit(name, func(values []float64, _ tensor.Shape) []float64 {
				values[0] = value
				return values
			})
			c.Weights = spoilt.weights
			found, err := Find(t.Context(), c)
			if err != nil || found == nil || !strings.Contains(found.Sentence, name) {
				t.Errorf("%v in %s: found %+v, error %v", value, name, found, err)
			}
		}
	}
}

func TestFind_StopsWhenCancelled(t *testing.T) {
	t.Parallel()
	c := example(t, configs()[0], engine.Block)
	c.After.Values[0]++
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Find(ctx, c); err == nil {
		t.Error("no error")
	}
}
