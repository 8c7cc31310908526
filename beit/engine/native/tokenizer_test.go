package native

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/tensor"
)

// tokenizers are small tokenizers, what their own programs computed at each stage, and what they computed of more pictures.
var tokenizers = []struct{ architecture, weights, stages, more string }{
	{"digits_dvae_encoder", "digits_dvae.encoder.pkl", "digits_dvae_encoder", "digits_dvae.openai.float32"},
	{"digits_dvae_decoder", "digits_dvae.decoder.pkl", "digits_dvae_decoder", "digits_dvae.openai.float32"},
	{"tiny_vqkd_p16_64", "vqkd_p16_64.unilm.pth", "vqkd_p16_64", "vqkd_p16_64.unilm.float64"},
}

// opened returns the tensors of a file in testdata/tokenizer.
func opened(t *testing.T, name string) map[string]tensor.Named {
	t.Helper()
	file, err := checkpoint.Open(t.Context(), "../../../testdata/tokenizer/"+name, checkpoint.Options{}, pytorch.Format, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	tensors := map[string]tensor.Named{}
	for _, named := range file.Tensors {
		tensors[named.Name] = named
	}
	return tensors
}

// weightsOf returns the weights of a tokenizer, whose names are canonical in these files.
func weightsOf(t *testing.T, config arch.Config, name string) (weights []tensor.Named) {
	t.Helper()
	file := opened(t, name)
	for _, p := range config.Params() {
		weights = append(weights, file[p.Name])
	}
	return weights
}

// recorded returns what a program computed by the names of stages, and the input.
func recorded(t *testing.T, config arch.Config, name string) (map[string]engine.Activation, engine.Input) {
	t.Helper()
	found, input := map[string]engine.Activation{}, engine.Input{}
	for name, named := range opened(t, name+".recording.safetensors") {
		values, err := tensor.Float64s(named.View)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = engine.Activation{Name: name, Shape: named.Shape, Values: values}
	}
	source := found["input"].Values
	if config.Kind == arch.DVAEDecoder {
		source = found["tokens"].Values
		delete(found, "tokens")
	}
	for _, v := range source {
		if config.Kind == arch.DVAEDecoder {
			input.Tokens = append(input.Tokens, int32(v))
		} else {
			input.Pixels = append(input.Pixels, float32(v))
		}
	}
	delete(found, "input")
	return found, input
}

// off returns the largest difference, relative to the largest value.
func off(got, want []float64) float64 {
	most, largest := 0.0, 0.0
	for i, v := range got {
		most, largest = max(most, math.Abs(v-want[i])), max(largest, math.Abs(want[i]))
	}
	return most / max(largest, 1e-300)
}

// TestTokenizers_EveryStage compares every stage with what the tokenizers' own classes computed in float64.
func TestTokenizers_EveryStage(t *testing.T) {
	t.Parallel()
	for _, dtype := range []struct {
		tensor.DType
		most float64
	}{{tensor.F64, 1e-12}, {tensor.F32, 1e-5}, {tensor.F16, 3e-2}, {tensor.BF16, 2e-1}} {
		for _, c := range tokenizers {
			t.Run(dtype.String()+"/"+c.architecture, func(t *testing.T) {
				t.Parallel()
				config, err := arch.ByName(c.architecture)
				if err != nil {
					t.Fatal(err)
				}
				want, input := recorded(t, config, c.stages+".stages.float64")
				model, err := Engine{}.Load(t.Context(), config, weightsOf(t, config, c.weights), engine.Options{DType: dtype.DType})
				if err != nil {
					t.Fatal(err)
				}
				var seen []string
				last, err := model.Forward(t.Context(), input, func(a engine.Activation) error {
					seen = append(seen, a.Name)
					if w := want[a.Name]; !w.Shape.Equal(a.Shape) {
						t.Errorf("%s is %s, want %s", a.Name, a.Shape, w.Shape)
					} else if d := off(a.Values, w.Values); !(d <= dtype.most) && (a.Name != "tokens" || dtype.most < 1e-3) {
						t.Errorf("%s is off by %g", a.Name, d)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				var stages []string
				for _, s := range engine.Stages(config) {
					stages = append(stages, s.String())
				}
				if diff := cmp.Diff(stages, seen); diff != "" || len(seen) != len(want) {
					t.Errorf("%d stages of %d recorded: %s", len(seen), len(want), diff)
				}
				alone, err := model.Forward(t.Context(), input, nil)
				if diff := cmp.Diff(last, alone); err != nil || diff != "" {
					t.Errorf("without a tap: error %v: %s", err, diff)
				}
			})
		}
	}
}

// TestTokenizers_MorePictures compares all that was recorded of several pictures, the visual tokens one by one.
func TestTokenizers_MorePictures(t *testing.T) {
	t.Parallel()
	for _, c := range tokenizers {
		config, err := arch.ByName(c.architecture)
		if err != nil {
			t.Fatal(err)
		}
		want, input := recorded(t, config, c.more)
		model, err := Engine{}.Load(t.Context(), config, weightsOf(t, config, c.weights), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		compared := 0
		if _, err := model.Forward(t.Context(), input, func(a engine.Activation) error {
			w, found := want[a.Name]
			if !found {
				return nil
			}
			compared++
			if d := off(a.Values, w.Values); !(d <= 1e-5) || a.Name == "tokens" && d > 0 {
				t.Errorf("%s: %s is off by %g", c.architecture, a.Name, d)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if compared < 2 {
			t.Errorf("%s: %d stages were compared", c.architecture, compared)
		}
	}
}

// TestTokenizers_PartsMatchForward makes sure that each stage alone returns the same bits as a whole pass.
func TestTokenizers_PartsMatchForward(t *testing.T) {
	t.Parallel()
	for _, c := range tokenizers {
		config, err := arch.ByName(c.architecture)
		if err != nil {
			t.Fatal(err)
		}
		weights := weightsOf(t, config, c.weights)
		_, input := recorded(t, config, c.more)
		model, err := Engine{}.Load(t.Context(), config, weights, engine.Options{DType: tensor.F64})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]engine.Activation{}
		_, err = model.Forward(t.Context(), input, func(a engine.Activation) error {
			stage, err := engine.ParseStage(a.Name)
			if err != nil {
				return err
			}
			var before []engine.Activation
			for _, needed := range stage.Inputs(config) {
				known, found := seen[needed.String()]
				if !found {
					return fmt.Errorf("%s is computed from %s, which is none", a.Name, needed)
				}
				before = append(before, known)
			}
			got, err := Engine{}.Stage(t.Context(), config, weights, stage, input, before...)
			if err != nil {
				return fmt.Errorf("%s: %w", a.Name, err)
			}
			if diff := cmp.Diff(a, got); diff != "" {
				t.Errorf("%s %s: %s", c.architecture, a.Name, diff)
			}
			seen[a.Name] = a
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTokenizers_StageErrors(t *testing.T) {
	t.Parallel()
	for _, c := range tokenizers {
		config, err := arch.ByName(c.architecture)
		if err != nil {
			t.Fatal(err)
		}
		weights := weightsOf(t, config, c.weights)
		stages := []engine.Stage{{}, {Kind: engine.Block, Block: 99}, {Kind: engine.Block, Block: -1}, {Kind: engine.DecoderBlock, Block: 1}, {Kind: engine.DecoderBlock, Block: -1}}
		for kind := engine.Embed; kind <= engine.Picture; kind++ {
			stages = append(stages, engine.Stage{Kind: kind}) // has nothing before it
		}
		for _, stage := range stages {
			if stage.Kind == engine.Embed {
				continue
			}
			_, err := Engine{}.Stage(t.Context(), config, weights, stage, engine.Input{}, engine.Activation{})
			var problem *StageError
			if !errors.As(err, &problem) {
				t.Errorf("%s: %s: error %v", c.architecture, stage, err)
			}
		}
	}
}

// TestConvolution_MatchesDefinition compares every form of convolution with its definition in plain loops, also where there are many channels, whose planes
// are laid out another way, and more pixels than one block has.
func TestConvolution_MatchesDefinition(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ side, in, out, height, width int }{
		{1, 3, 5, 4, 7}, {3, 4, 6, 5, 3}, {7, 3, 8, 9, 10}, {3, 512, 40, 3, 2}, {1, 1024, 300, 2, 2}, {3, 2, 3, 1, 1}, {3, 8, 70, 40, 33}, {7, 1, 1, 2, 3},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			t.Parallel()
			weight, bias := rough[float32](c.out*c.in*c.side*c.side), rough[float32](c.out)
			l := &loader[float32]{memory: new(memory[float32]), views: map[string]tensor.View{
				"w": {DType: tensor.F32, Shape: tensor.Shape{c.out, c.in, c.side, c.side}, Data: encoded(weight)},
				"b": {DType: tensor.F32, Shape: tensor.Shape{c.out}, Data: encoded(bias)},
			}}
			convolution, err := l.convolution("", c.out, c.in, c.side)
			if err != nil {
				t.Fatal(err)
			}
			for _, pad := range []int{c.side / 2, c.side/2 + 1} {
				pixels := rough[float32](c.in * c.height * c.width)
				x, y := newPlane[float32](geometry{c.height, c.width, c.in, pad}), newPlane[float32](geometry{c.height, c.width, c.out, 1})
				fill(x, pixels)
				if err := convolution.apply(t.Context(), newPlanes[float32](3), y, x, nil); err != nil {
					t.Fatal(err)
				}
				got := make([]float64, c.out*c.height*c.width)
				planar(got, y)
				for i := range got {
					o, line, column := i/(c.height*c.width), i/c.width%c.height, i%c.width
					want := float64(bias[o])
					for channel := range c.in {
						for dy := range c.side {
							for dx := range c.side {
								from, at := line+dy-c.side/2, column+dx-c.side/2
								if from >= 0 && from < c.height && at >= 0 && at < c.width {
									want += float64(weight[((o*c.in+channel)*c.side+dy)*c.side+dx]) * float64(pixels[(channel*c.height+from)*c.width+at])
								}
							}
						}
					}
					if math.Abs(got[i]-want) > 1e-4*float64(1+c.in*c.side) {
						t.Fatalf("value %d is %g, want %g", i, got[i], want)
					}
				}
				around := slices.Clone(y.data)
				y.data = around
				for line := range c.height {
					for column := range c.width {
						clear(y.pixel(line, column))
					}
				}
				if slices.ContainsFunc(around, func(v float32) bool { return v != 0 }) {
					t.Error("what is around the picture is not zero any more")
				}
			}
		})
	}
}

func encoded(values []float32) tensor.Memory {
	raw, _ := binary.Append(nil, binary.LittleEndian, values) // does not fail
	return raw
}

// rough returns values that rise and fall without a pattern.
func rough[T float32 | float64](n int) []T {
	values := make([]T, n)
	for i := range values {
		values[i] = T(math.Sin(float64(i*i%8191) + float64(n)))
	}
	return values
}

// TestTokens_NaN makes sure that nothing is made up where a value is no number.
func TestTokens_NaN(t *testing.T) {
	t.Parallel()
	for _, c := range tokenizers[:1:1] {
		config, err := arch.ByName(c.architecture)
		if err != nil {
			t.Fatal(err)
		}
		_, input := recorded(t, config, c.more)
		input.Pixels[0] = float32(math.NaN())
		model, err := Engine{}.Load(t.Context(), config, weightsOf(t, config, c.weights), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := model.Forward(t.Context(), input, nil)
		if err != nil || !math.IsNaN(tokens.Values[0]) || math.IsNaN(tokens.Values[config.Patches()]) {
			t.Errorf("error %v, tokens %v", err, tokens.Values)
		}
	}
}

// TestDVAE_StopsInsideABlock ends the context during the first block of OpenAI's encoder.
func TestDVAE_StopsInsideABlock(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("digits_dvae_encoder")
	if err != nil {
		t.Fatal(err)
	}
	config.Name, config.ImageHeight, config.ImageWidth = "", 1024, 1024
	model, err := Engine{}.Load(t.Context(), config, weightsOf(t, config, "digits_dvae.encoder.pkl"), engine.Options{DType: tensor.F64, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var stopped time.Time
	time.AfterFunc(50*time.Millisecond, func() { stopped = time.Now(); stop() })
	_, err = model.Forward(ctx, engine.Input{Pixels: make([]float32, 3*1024*1024)}, nil)
	if took := time.Since(stopped); !errors.Is(err, context.Canceled) || took > 2*time.Second {
		t.Errorf("stopped after %s: error %v", took, err)
	}
}
