package native

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestForward_ThreadsAndBatchDoNotMatter makes sure that results are equal to the last bit for any number of threads and any rest of the batch.
func TestForward_ThreadsAndBatchDoNotMatter(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	const images = 62 // more tokens than one group has
	pixels := synth.Images(images, config, 0)
	for _, dtype := range []tensor.DType{tensor.F64, tensor.BF16} {
		var want []float64
		for _, threads := range []int{1, 2, 5} {
			model, err := Engine{}.Load(t.Context(), config, synth.Weights(config, 0), engine.Options{DType: dtype, Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			got, err := model.Forward(t.Context(), engine.Input{Pixels: pixels}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got.Values
			}
			if diff := cmp.Diff(want, got.Values); diff != "" {
				t.Errorf("%s, %d threads: %s", dtype, threads, diff)
			}
			for _, n := range []int{0, 55, images - 1} {
				one := len(pixels) / images
				alone, err := model.Forward(t.Context(), engine.Input{Pixels: pixels[n*one : (n+1)*one]}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want[n*config.Classes:(n+1)*config.Classes], alone.Values); diff != "" {
					t.Errorf("%s, %d threads, image %d alone: %s", dtype, threads, n, diff)
				}
			}
		}
	}
}

// TestStage_MatchesForward makes sure that Stage returns the same bits as Forward for every stage.
func TestStage_MatchesForward(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tiny_p16_32", "tiny_mim_p16_64"} {
		config, err := arch.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		weights := synth.Weights(config, 0)
		input := engine.Input{Pixels: synth.Images(2, config, 0)}
		model, err := Engine{}.Load(t.Context(), config, weights, engine.Options{DType: tensor.F64})
		if err != nil {
			t.Fatal(err)
		}
		var before engine.Activation
		_, err = model.Forward(t.Context(), input, func(a engine.Activation) error {
			stage, err := engine.ParseStage(a.Name)
			if err != nil {
				return err
			}
			got, err := Engine{}.Stage(t.Context(), config, weights, stage, input, before)
			if err != nil {
				return fmt.Errorf("%s: %w", a.Name, err)
			}
			if diff := cmp.Diff(a, got); diff != "" {
				t.Errorf("%s %s: %s", name, a.Name, diff)
			}
			if stage.Kind != engine.Attention {
				before = a
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestStage_Errors(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	headless := config
	headless.Classes = 0
	tokens := engine.Activation{Shape: tensor.Shape{1, 5, 32}, Values: make([]float64, 160)}
	for _, c := range []struct {
		name   string
		stage  engine.Stage
		config arch.Config
		before engine.Activation
	}{
		{"no such block", engine.Stage{Kind: engine.Block, Block: 2}, config, tokens},
		{"a negative block", engine.Stage{Kind: engine.Attention, Block: -1}, config, tokens},
		{"no kind", engine.Stage{}, config, tokens},
		{"nothing before", engine.Stage{Kind: engine.Block}, config, engine.Activation{}},
		{"too few values", engine.Stage{Kind: engine.Pool}, config, engine.Activation{Shape: tensor.Shape{159}, Values: tokens.Values[:159]}},
		{"a shape that lies", engine.Stage{Kind: engine.Pool}, config, engine.Activation{Shape: tensor.Shape{1, 4, 32}, Values: tokens.Values}},
		{"no head", engine.Stage{Kind: engine.Logits}, headless, engine.Activation{Shape: tensor.Shape{1, 32}, Values: tokens.Values[:32]}},
	} {
		_, err := Engine{}.Stage(t.Context(), c.config, synth.Weights(c.config, 0), c.stage, engine.Input{}, c.before)
		var problem *StageError
		if !errors.As(err, &problem) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

// TestForward_StopsInsideABlock ends the context during the attention of the only block, which takes many seconds with 16,385 tokens.
func TestForward_StopsInsideABlock(t *testing.T) {
	t.Parallel()
	config := arch.Config{
		ImageHeight: 128, ImageWidth: 128, Channels: 3, PatchSize: 1, EmbedDim: 16, Depth: 1, Heads: 16, HiddenDim: 16, Classes: 2, Epsilon: 1e-6,
		Bias: arch.BlockBias, Pooling: arch.MeanPooling,
	}
	model, err := Engine{}.Load(t.Context(), config, synth.Weights(config, 1), engine.Options{DType: tensor.F64})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	ctx, stop := context.WithCancel(t.Context())
	var stopped time.Time
	_, err = model.Forward(ctx, engine.Input{Pixels: synth.Image(0, config, 0)}, func(a engine.Activation) error {
		if a.Name == "embed" {
			time.AfterFunc(200*time.Millisecond, func() { stopped = time.Now(); stop() })
		}
		return nil
	})
	if took := time.Since(stopped); !errors.Is(err, context.Canceled) || took > 2*time.Second {
		t.Errorf("stopped after %s: error %v", took, err)
	}
}

// TestParts_FreeChangesNothing walks through a model part by part, each in the memory of the one before, and compares with a whole pass.
func TestParts_FreeChangesNothing(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	weights, input := synth.Weights(config, 3), engine.Input{Pixels: synth.Images(2, config, 3)}
	model, err := Engine{}.Load(t.Context(), config, weights, engine.Options{DType: tensor.F64})
	if err != nil {
		t.Fatal(err)
	}
	want, err := model.Forward(t.Context(), input, nil)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := Engine{}.Parts(config, weights, engine.Options{DType: tensor.F64})
	if err != nil {
		t.Fatal(err)
	}
	var before engine.Activation
	for _, stage := range engine.Stages(config) {
		if stage.Kind == engine.Attention {
			continue // its block computes it, too
		}
		parts.Free()
		part, err := parts.Load(stage)
		if err != nil {
			t.Fatal(err)
		}
		all, err := part(t.Context(), input, before)
		if err != nil {
			t.Fatal(err)
		}
		before = all[len(all)-1]
	}
	if !slices.Equal(before.Values, want.Values) {
		t.Errorf("%s differs from that of a whole pass", before.Name)
	}
}
