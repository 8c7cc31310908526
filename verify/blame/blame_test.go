package blame

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

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

// deep is an architecture with so many blocks that their numbers have two digits.
func deep() arch.Config {
	config := configs()[0]
	config.ImageHeight, config.ImageWidth, config.EmbedDim, config.HiddenDim, config.Heads, config.Depth = 8, 8, 8, 8, 2, 12
	return config
}

// inputOf returns two images, masked if the model has masks.
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

// run returns what a draft computes at all stages, from the input on: in block 1 with the hypothesis, in others without, or in all if whole.
func run(t *testing.T, config arch.Config, weights []tensor.Named, h *hypothesis, whole bool) (seen map[string]engine.Activation, applied bool) {
	t.Helper()
	s, err := NewSearch(config, weights)
	if err != nil {
		t.Fatal(err)
	}
	seen = make(map[string]engine.Activation)
	for _, stage := range engine.Stages(config) {
		w := newWalker()
		if h != nil && (whole || !stage.InBlock() || stage.Block == 1) {
			w = newWalker(scoped{*h, allBlocks})
		}
		applied = s.stageOf(t, seen, w, stage, whatif.InputOf(inputOf(config))) || applied
	}
	return seen, applied
}

// stageOf computes one stage from those before.
func (s *Search) stageOf(t *testing.T, seen map[string]engine.Activation, w *walker, stage engine.Stage, input whatif.Input) bool {
	t.Helper()
	m := march{search: s, input: input, stage: stage, assumed: newWalker()}
	parts := map[engine.StageKind][]part{
		engine.Embed: {atEmbed}, engine.Attention: {atAttention}, engine.Block: {atAttention, atMiddle, atMLP}, engine.Pool: {atPool}, engine.Logits: {atLogits},
	}[stage.Kind]
	d, _ := m.draft(w, stage, parts...)
	width := s.model.Config.EmbedDim
	var x, out *whatif.Rows
	for _, before := range stage.Inputs(s.model.Config) {
		x = whatif.RowsOf(seen[before.String()].Values, width)
	}
	var err error
	var block *whatif.Block
	switch stage.Kind {
	case engine.Embed:
		out, err = d.Embed(t.Context(), d.input)
	case engine.Pool:
		out, err = d.Pool(x)
	case engine.Logits:
		out, err = d.Logits(t.Context(), x)
	default:
		if block, err = d.Block(stage.Block); err != nil {
			t.Fatal(err)
		}
		if stage.Kind == engine.Attention {
			out, err = block.Attention(t.Context(), x, nil)
		} else {
			out, err = block.Stream(t.Context(), x, nil)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	seen[stage.String()] = engine.Activation{Name: stage.String(), Shape: tensor.Shape{out.Count, out.Width}, Values: out.Values}
	return slices.Contains(w.applied, true)
}

// caseAt returns the case of one stage of a reference.
func caseAt(config arch.Config, seen map[string]engine.Activation, stage engine.Stage, branch bool) Case {
	c := Case{Input: inputOf(config), After: seen[stage.String()], Limit: Limit{Max: 1e-9}, BranchLimit: Limit{Max: 1e-9}}
	for _, before := range stage.Inputs(config) {
		a := seen[before.String()]
		c.Before = &a
	}
	if branch && stage.Kind == engine.Block {
		a := seen[engine.Stage{Kind: engine.Attention, Block: stage.Block}.String()]
		c.Branch = &a
	}
	return c
}

// drawn returns weights in which no two parameters are alike.
func drawn(config arch.Config) []tensor.Named {
	weights := synth.Weights(config, 3)
	for i, w := range weights {
		values, err := tensor.Float64s(w.View)
		if err != nil {
			panic(err)
		}
		source := rand.New(rand.NewPCG(7, uint64(i)))
		for j := range values {
			values[j] += 0.2 * source.NormFloat64()
		}
		weights[i].View = tensor.View{DType: tensor.F64, Shape: w.Shape, Data: doubles{whatif.NewTensor(w.Shape, values)}}
	}
	return weights
}

// differs reports whether two references differ at a stage, or in the block's attention.
func differs(a, b map[string]engine.Activation, stage engine.Stage) bool {
	return drift.Compare(a[stage.String()].Values, b[stage.String()].Values).MaxAbs > 1e-7
}

func check(t *testing.T, config arch.Config, weights []tensor.Named, c Case, h hypothesis) {
	t.Helper()
	s, err := NewSearch(config, weights)
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Find(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 || found[0].Hypothesis != h.name && !slices.Contains(ties[h.says], found[0].Hypothesis) {
		t.Errorf("branch %t: found %s", c.Branch != nil, names(found))
		return
	}
	if f := found[0]; f.Distance > f.Tolerance || f.Without <= 1e-9 || (f.Side == Checkpoint || f.Side == Either) != (len(f.Edits) > 0) {
		t.Errorf("branch %t: found %+v", c.Branch != nil, f)
	}
}

func names(found []Finding) string {
	var all []string
	for _, f := range found {
		all = append(all, f.Hypothesis+": "+f.Sentence)
	}
	return fmt.Sprint(len(all), " ", strings.Join(all, "; "))
}

// TestFind_OtherMistakes makes sure that no hypothesis explains noise on weights.
func TestFind_OtherMistakes(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	weights := drawn(config)
	noise := hypothesis{at: []part{atMLP}, apply: func(d *draft) bool {
		return d.edit("mlp.fc1.weight", "", func(values []float64, _ tensor.Shape) []float64 {
			source := rand.New(rand.NewPCG(1, 2))
			noisy := slices.Clone(values)
			for i := range noisy {
				noisy[i] += 0.1 * source.NormFloat64()
			}
			return noisy
		})
	}}
	wrong, _ := run(t, config, weights, &noise, false)
	s, err := NewSearch(config, weights)
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Find(t.Context(), caseAt(config, wrong, engine.Stage{Kind: engine.Block, Block: 1}, false))
	if err != nil || len(found) > 0 {
		t.Errorf("found %+v, error %v", found, err)
	}
}

func TestFind_Healthy(t *testing.T) {
	t.Parallel()
	for _, config := range configs() {
		weights := drawn(config)
		right, _ := run(t, config, weights, nil, false)
		for _, stage := range engine.Stages(config) {
			s, err := NewSearch(config, weights)
			if err != nil {
				t.Fatal(err)
			}
			found, err := s.Find(t.Context(), caseAt(config, right, stage, true))
			if err != nil || len(found) != 1 || found[0].Hypothesis != Healthy {
				t.Errorf("%s: found %+v, error %v", stage, found, err)
			}
		}
	}
}

func TestFind_NonFinite(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	for name, stage := range map[string]string{
		"blocks.1.mlp.fc2.bias": "blocks.1", "patch_embed.proj.weight": "embed", "fc_norm.weight": "pool", "head.weight": "logits",
	} {
		for _, value := range []float64{math.NaN(), math.Inf(-1)} {
			weights := drawn(config)
			right, _ := run(t, config, weights, nil, false)
			at := slices.IndexFunc(weights, func(w tensor.Named) bool { return w.Name == name })
			values, _ := tensor.Float64s(weights[at].View)
			values[0] = value
			weights[at].Data = doubles{whatif.NewTensor(weights[at].Shape, values)}
			s, err := NewSearch(config, weights)
			if err != nil {
				t.Fatal(err)
			}
			parsed, _ := engine.ParseStage(stage)
			found, err := s.Find(t.Context(), caseAt(config, right, parsed, false))
			if err != nil || len(found) != 1 || found[0].Hypothesis != "non-finite" || !slices.Equal(found[0].Tensors, []string{name}) {
				t.Errorf("%v in %s: found %+v, error %v", value, name, found, err)
			}
		}
	}
}

func TestFind_StopsWhenCancelled(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	weights := drawn(config)
	right, _ := run(t, config, weights, nil, false)
	right["blocks.1"].Values[0]++
	ctx, stop := context.WithCancel(t.Context())
	stop()
	s, err := NewSearch(config, weights)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(ctx, caseAt(config, right, engine.Stage{Kind: engine.Block, Block: 1}, false)); err == nil {
		t.Error("no error")
	}
}

// logitsWith returns the logits of a model in which hypotheses, by their words, are true of block i, or of all blocks if i is negative.
func logitsWith(t *testing.T, config arch.Config, weights []tensor.Named, at map[string]int) (Case, []scoped) {
	t.Helper()
	s, err := NewSearch(config, weights)
	if err != nil {
		t.Fatal(err)
	}
	var all []scoped
	for _, h := range hypotheses() {
		if i, asked := at[h.says]; asked {
			all = append(all, scoped{h, i})
		}
	}
	if len(all) != len(at) {
		t.Fatalf("%d of %v are listed", len(all), at)
	}
	input := inputOf(config)
	none := engine.Activation{Name: "logits", Shape: tensor.Shape{2, config.Classes}, Values: make([]float64, 2*config.Classes)}
	m, err := s.march(t.Context(), Case{Input: input, After: none}, engine.Stage{Kind: engine.Logits})
	if err != nil {
		t.Fatal(err)
	}
	w := newWalker(all...)
	if err := m.advance(t.Context(), 0, []*walker{w}); err != nil {
		t.Fatal(err)
	}
	out, err := m.end(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	after := engine.Activation{Name: "logits", Shape: tensor.Shape{out.Count, out.Width}, Values: out.Values}
	return Case{Input: input, After: after, Limit: Limit{Max: 1e-9}}, all
}

// TestFind_FromLogitsInBlocks plants mistakes in single blocks, in pairs, and at the end beside one in all blocks, and gives nothing but logits.
func TestFind_FromLogitsInBlocks(t *testing.T) {
	t.Parallel()
	const transposed, bgr, class, noTable = "attn.proj.weight is transposed", "the colours (channels) come as blue, green, red",
		"the class token is pooled, not the mean of the patches", "there is no relative position bias"
	for name, at := range map[string]map[string]int{
		"the first block":      {transposed: 0},
		"the last block":       {"gamma_1 and gamma_2 are exchanged": 1},
		"input and end":        {bgr: allBlocks, class: allBlocks},
		"input and blocks":     {bgr: allBlocks, noTable: allBlocks},
		"all blocks and end":   {noTable: allBlocks, class: allBlocks},
		"two different blocks": {transposed: 0, "q_bias and v_bias are left out": 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := configs()[0]
			weights := drawn(config)
			c, want := logitsWith(t, config, weights, at)
			s, err := NewSearch(config, weights)
			if err != nil {
				t.Fatal(err)
			}
			found, err := s.Find(t.Context(), c)
			if err != nil || len(found) != len(want) {
				t.Fatalf("found %+v, error %v", found, err)
			}
			for _, w := range want {
				at := slices.IndexFunc(found, func(f Finding) bool {
					return f.Hypothesis == w.name && f.Stage == w.stage() && strings.Contains(f.Sentence, w.says)
				})
				if at < 0 {
					t.Errorf("%s at %s is not among %+v", w.says, w.stage(), found)
				}
			}
		})
	}
}

// TestFind_SearchIsBounded gives logits that nothing explains: with a small bound some hypotheses are not tried, with none all are.
func TestFind_SearchIsBounded(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	weights := drawn(config)
	c, _ := logitsWith(t, config, weights, map[string]int{})
	for i := range c.After.Values {
		c.After.Values[i] += math.Sin(float64(3 * i))
	}
	for _, effort := range []Effort{1e8, All()} {
		s, err := NewSearch(config, weights)
		if err != nil {
			t.Fatal(err)
		}
		s.SetEffort(effort)
		found, err := s.Find(t.Context(), c)
		tried, untried := s.Tried()
		if err != nil || len(found) > 0 || tried == 0 || (untried == 0) != (effort == All()) {
			t.Errorf("effort %g: found %+v, %d tried, %d not, error %v", effort, found, tried, untried, err)
		}
	}
}

// TestFind_ManyTokens makes sure that mistakes are found in models of which only some tokens are looked at first.
func TestFind_ManyTokens(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	config.ImageHeight, config.ImageWidth, config.Depth = 72, 72, 2
	weights := drawn(config)
	for _, says := range []string{
		"in attn.qkv.weight alone q and k are exchanged", "the relative position bias table is multiplied by 2", "mlp.fc1.weight is multiplied by 2", "the activation is ReLU",
	} {
		at := slices.IndexFunc(hypotheses(), func(h hypothesis) bool { return h.says == says })
		if at < 0 {
			t.Fatalf("no hypothesis that %s", says)
		}
		h := hypotheses()[at]
		wrong, _ := run(t, config, weights, &h, false)
		for _, branch := range []bool{false, true} {
			check(t, config, weights, caseAt(config, wrong, engine.Stage{Kind: engine.Block, Block: 1}, branch), h)
		}
	}
}

// planted are weights to be spoilt.
type planted []tensor.Named

func (w planted) change(name string, change func(values []float64, width int) []float64) {
	at := slices.IndexFunc(w, func(n tensor.Named) bool { return n.Name == name })
	values, _ := tensor.Float64s(w[at].View)
	t := whatif.NewTensor(w[at].Shape, change(values, len(values)/w[at].Shape[0]))
	w[at].View = tensor.View{DType: tensor.F64, Shape: w[at].Shape, Data: doubles{t}}
}

func (w planted) rows(name string, order []int) {
	w.change(name, func(values []float64, width int) []float64 {
		out := slices.Clone(values)
		for to, from := range order {
			copy(out[from*width:(from+1)*width], values[to*width:(to+1)*width])
		}
		return out
	})
}

func (w planted) columns(name string, order []int) {
	w.change(name, func(values []float64, width int) []float64 {
		out := slices.Clone(values)
		for i := range values {
			out[i-i%width+order[i%width]] = values[i]
		}
		return out
	})
}

func (w planted) take(name, from string) {
	at := slices.IndexFunc(w, func(n tensor.Named) bool { return n.Name == name })
	other := slices.IndexFunc(w, func(n tensor.Named) bool { return n.Name == from })
	w[at].View, w[other].View = w[other].View, w[at].View
}

func (w planted) set(name string, i int, value float64) {
	w.change(name, func(values []float64, _ int) []float64 {
		out := slices.Clone(values)
		out[i] = value
		return out
	})
}

// rolledBy returns a permutation of n: rolled, or reversed for -1.
func rolledBy(n, by int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = (i + by) % n
		if by < 0 {
			order[i] = n - 1 - i
		}
	}
	return order
}

// valuesIn returns the values of a parameter.
func valuesIn(weights []tensor.Named, name string) []float64 {
	at := slices.IndexFunc(weights, func(w tensor.Named) bool { return w.Name == name })
	values, _ := tensor.Float64s(weights[at].View)
	return values
}

// ties are other names under which the same may be found, with the reason why nobody can tell them apart.
var ties = map[string][]string{
	// Layer scale that is applied twice has the effect of one that is all ones and of what it was multiplied into.
	"gamma_1 is folded into attn.proj, and kept, so that it is applied twice": {"no-layer-scale"},
	"gamma_2 is folded into mlp.fc2, and kept, so that it is applied twice":   {"no-layer-scale"},
	// Patches in another order are as good as offsets in another order, where there is no position embedding.
	"the patches are taken in reverse, from the last one":            {"table-order"},
	"the patches are taken down first, column by column, not across": {"window-turned"},
	// The kernel multiplies pixels.
	"the images are negative: each pixel has the other sign (or patch_embed.proj.weight is negated, which is the same)": {"negated"},
	"the images are not normalised: they are in [0, 1], not with [0, 255]":                                              {"scaled"},
	"the images are not normalised: they are in [0, 255], not with [0, 1]":                                              {"scaled"},
	"the normalisation with mean and std 0.5 is folded into patch_embed.proj, and kept":                                 {"normalisation"},
}
