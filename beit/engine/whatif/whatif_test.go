package whatif_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// near is the largest difference that counts as rounding.
const near = 1e-11

// configs are architectures that together have every part.
func configs() map[string]arch.Config {
	plain := arch.Config{
		ImageHeight: 12, ImageWidth: 8, PatchSize: 4, Channels: 3, EmbedDim: 24, HiddenDim: 40, Depth: 3, Heads: 4, Classes: 5,
		Pooling: arch.MeanPooling, Bias: arch.BlockBias, LayerScale: true, Epsilon: arch.Epsilon,
	}
	class, masked := plain, plain
	class.Pooling, class.Epsilon, class.AbsolutePosition, class.LayerScale, class.Bias = arch.ClassToken, 1e-3, true, false, arch.NoBias
	masked.Pooling, masked.Bias, masked.MaskToken = arch.AllTokens, arch.SharedBias, true
	return map[string]arch.Config{"mean": plain, "class": class, "masked": masked}
}

// computed returns the activations of the native engine in float64.
func computed(t *testing.T, config arch.Config, weights []tensor.Named, input engine.Input) map[string][]float64 {
	t.Helper()
	model, err := native.Engine{}.Load(t.Context(), config, weights, engine.Options{DType: tensor.F64})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string][]float64)
	if _, err = model.Forward(t.Context(), input, func(a engine.Activation) error { seen[a.Name] = a.Values; return nil }); err != nil {
		t.Fatal(err)
	}
	return seen
}

func inputOf(config arch.Config) engine.Input {
	input := engine.Input{Pixels: synth.Images(2, config, 0)}
	if config.MaskToken {
		input.Mask = make([]bool, 2*config.Patches())
		for i := range input.Mask {
			input.Mask[i] = i%3 == 1
		}
	}
	return input
}

// TestVersion_WithoutChangesIsTheModel compares every stage with the native engine.
func TestVersion_WithoutChangesIsTheModel(t *testing.T) {
	t.Parallel()
	for name, config := range configs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			weights, input := synth.Weights(config, 0), inputOf(config)
			want := computed(t, config, weights, input)
			m, err := whatif.New(config, weights)
			if err != nil {
				t.Fatal(err)
			}
			v := m.Version()
			x, err := v.Embed(t.Context(), whatif.InputOf(input))
			same(t, "embed", x, err, want)
			for i := range config.Depth {
				block, err := v.Block(i)
				if err != nil {
					t.Fatal(err)
				}
				branch, err := block.Attention(t.Context(), x, nil)
				same(t, fmt.Sprintf("blocks.%d.attn", i), branch, err, want)
				rows := []int{0, 3, 8, 13}
				part, err := block.Stream(t.Context(), x, rows)
				if err != nil {
					t.Fatal(err)
				}
				x, err = block.Finish(t.Context(), x, branch)
				same(t, fmt.Sprintf("blocks.%d", i), x, err, want)
				if !equal(part.Values, x.Pick(rows).Values) {
					t.Errorf("block %d of some tokens alone differs", i)
				}
			}
			pooled, err := v.Pool(x)
			same(t, "pool", pooled, err, want)
			logits, err := v.Logits(t.Context(), pooled)
			same(t, "logits", logits, err, want)
		})
	}
}

func same(t *testing.T, name string, got *whatif.Rows, err error, want map[string][]float64) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if !equal(got.Values, want[name]) {
		t.Errorf("%s differs from the native engine", name)
	}
}

func equal(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return max(x-y, y-x) <= near })
}

// TestTensor_RearrangedProducts compares products of rearranged weights, which use that of the original, with those of copies.
func TestTensor_RearrangedProducts(t *testing.T) {
	t.Parallel()
	config := configs()["mean"]
	weights, input := synth.Weights(config, 0), inputOf(config)
	m, err := whatif.New(config, weights)
	if err != nil {
		t.Fatal(err)
	}
	x, err := m.Version().Embed(t.Context(), whatif.InputOf(input))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"blocks.1.attn.qkv.weight", "blocks.1.attn.proj.weight", "blocks.1.mlp.fc1.weight", "blocks.1.mlp.fc2.weight"} {
		original, err := m.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, columns := rolled(original.Shape[0], 5), rolled(original.Shape[1], 7)
		for _, arranged := range []*whatif.Tensor{
			original.Rearrange(rows, nil), original.Rearrange(nil, columns), original.Rearrange(rows, columns),
			original.Rearrange(rows, nil).Rearrange(rows, columns).Rearrange(nil, columns),
		} {
			shared, copied := m.Version(), m.Version()
			shared.Set(name, arranged)
			copied.Set(name, whatif.NewTensor(arranged.Shape, slices.Clone(arranged.Values())))
			if !equal(stream(t, shared, x).Values, stream(t, copied, x).Values) {
				t.Errorf("%s: the product of an arrangement is not that of its values", name)
			}
			if equal(stream(t, shared, x).Values, stream(t, m.Version(), x).Values) {
				t.Errorf("%s: the arrangement changes nothing", name)
			}
		}
	}
}

func rolled(n, by int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = (i + by) % n
	}
	return order
}

func stream(t *testing.T, v *whatif.Version, x *whatif.Rows) *whatif.Rows {
	t.Helper()
	block, err := v.Block(1)
	if err != nil {
		t.Fatal(err)
	}
	out, err := block.Stream(t.Context(), x, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTanhGELU compares with values of torch.nn.functional.gelu in float64, with approximate="tanh".
func TestTanhGELU(t *testing.T) {
	t.Parallel()
	for x, want := range map[float64]float64{
		-6.0: -8.43964897967453e-11, -1.5: -0.10042842301976707, -0.1: -0.04601724895456484, 0.0: 0.0, 0.3: 0.18537092354275922, 1.0: 0.8411919906082768,
		2.5: 2.484915733910001,
	} {
		if got := whatif.TanhGELU(x); math.Abs(got-want) > 1e-15 {
			t.Errorf("TanhGELU(%v) = %v, want %v", x, got, want)
		}
	}
}

// TestVersion_SegmentsAsTheModel compares every stage behind the blocks of UPerNet with the native engine, from the stream behind the blocks and from the maps before.
func TestVersion_SegmentsAsTheModel(t *testing.T) {
	t.Parallel()
	config := configs()["mean"]
	config.ImageHeight, config.ImageWidth = 24, 32
	config.Kind, config.Pooling, config.Depth = arch.UPerNet, arch.NoPooling, 4
	config.Segmentation = arch.Segmentation{Taps: [arch.Levels]arch.Tap{-1, 0, 1, 3}, Channels: 10, AuxiliaryChannels: 8, PoolScales: arch.UsualPoolScales}
	weights, input := synth.Weights(config, 0), inputOf(config)
	want := computed(t, config, weights, input)
	m, err := whatif.New(config, weights)
	if err != nil {
		t.Fatal(err)
	}
	v := m.Version()
	stream := func(blocks int) *whatif.Rows {
		name := "embed"
		if blocks > 0 {
			name = engine.Stage{Kind: engine.Block, Block: blocks - 1}.String()
		}
		return whatif.RowsOf(want[name], config.EmbedDim)
	}
	for _, stage := range engine.Stages(config)[1+2*config.Depth:] {
		whole, err := v.Segment(t.Context(), stage, stream)
		if err != nil {
			t.Fatal(err)
		}
		values := whatif.MapOf(want[stage.String()], whole.Width, whole.Lines, whole.Columns).Values
		same(t, stage.String(), whole.Rows, nil, map[string][]float64{stage.String(): values})
		if stage.Kind == engine.Feature {
			continue
		}
		var before []whatif.Map
		for _, from := range stage.Inputs(config) {
			one, err := v.Segment(t.Context(), from, stream)
			if err != nil {
				t.Fatal(err)
			}
			before = append(before, whatif.MapOf(want[from.String()], one.Width, one.Lines, one.Columns))
		}
		alone, err := v.Decode(t.Context(), stage, before...)
		same(t, stage.String(), alone.Rows, err, map[string][]float64{stage.String(): values})
	}
}
