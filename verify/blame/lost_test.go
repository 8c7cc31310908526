package blame

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestFind_Lost makes sure that values which nothing restores are named if the file shows them.
func TestFind_Lost(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	all := func(f func(i int, v float64) float64) func([]float64, int) []float64 {
		return func(values []float64, _ int) []float64 {
			out := slices.Clone(values)
			for i, v := range values {
				out[i] = f(i, v)
			}
			return out
		}
	}
	for _, m := range []struct {
		hypothesis, tensor, stage string
		change                    func(values []float64, width int) []float64
	}{
		{"zero", "blocks.1.attn.qkv.weight", "blocks.1", all(func(int, float64) float64 { return 0 })},
		{"zero", "blocks.1.mlp.fc2.weight", "blocks.1", all(func(int, float64) float64 { return 0 })},
		{"ones", "blocks.1.norm2.weight", "blocks.1", all(func(int, float64) float64 { return 1 })},
		{"rounded", "blocks.1.mlp.fc1.weight", "blocks.1", all(func(_ int, v float64) float64 {
			return float64(math.Float32frombits(math.Float32bits(float32(v)) &^ 0xffff))
		})},
		{"quantised", "blocks.1.mlp.fc2.weight", "blocks.1", quantised},
		{"zero", "head.weight", "logits", all(func(int, float64) float64 { return 0 })},
		{"zero", "blocks.1.attn.v_bias", "blocks.1", all(func(int, float64) float64 { return 0 })},
		{"ones", "blocks.1.gamma_2", "blocks.1", all(func(int, float64) float64 { return 1 })},
	} {
		t.Run(m.hypothesis+" "+m.tensor, func(t *testing.T) {
			t.Parallel()
			right := drawn(config)
			wrong := planted(slices.Clone(right))
			wrong.change(m.tensor, m.change)
			seen, _ := run(t, config, right, nil, false)
			stage, _ := engine.ParseStage(m.stage)
			for _, branch := range []bool{false, true} {
				s, err := NewSearch(config, wrong)
				if err != nil {
					t.Fatal(err)
				}
				found, err := s.Find(t.Context(), caseAt(config, seen, stage, branch))
				if err != nil {
					t.Fatal(err)
				}
				if len(found) != 1 || found[0].Hypothesis != m.hypothesis || !slices.Equal(found[0].Tensors, []string{m.tensor}) || (found[0].Edits != nil) != (found[0].Distance <= found[0].Tolerance) {
					t.Errorf("branch %t: found %s", branch, names(found))
				}
			}
		})
	}
}

// quantised rounds values to the levels of 8 bits.
func quantised(values []float64, _ int) []float64 {
	step := max(slices.Max(values), -slices.Min(values)) / 127
	return each(values, func(v float64) float64 { return math.Round(v/step) * step })
}

// TestFind_RoundedThroughout makes sure that one finding says of a block that all of it was rounded, as all of the file was.
func TestFind_RoundedThroughout(t *testing.T) {
	t.Parallel()
	config := configs()[2]
	right := drawn(config)
	rounded, byRows := planted(slices.Clone(right)), planted(slices.Clone(right))
	for _, w := range right {
		rounded.change(w.Name, func(values []float64, _ int) []float64 {
			return each(values, func(v float64) float64 { return float64(tensor.WidenBF16(tensor.RoundBF16(float32(v)))) })
		})
		if strings.HasSuffix(w.Name, ".weight") && len(w.Shape) == 2 {
			byRows.change(w.Name, func(values []float64, width int) []float64 {
				var all []float64
				for row := range slices.Chunk(values, width) {
					all = append(all, quantised(row, width)...)
				}
				return all
			})
		}
	}
	seen, _ := run(t, config, right, nil, false)
	stage, _ := engine.ParseStage("blocks.1")
	for _, c := range []struct {
		weights    planted
		hypothesis string
		least      int
	}{{rounded, "rounded", 4}, {byRows, "quantised", 1}} {
		s, err := NewSearch(config, c.weights)
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.Find(t.Context(), caseAt(config, seen, stage, false))
		if err != nil || len(found) == 0 || found[0].Hypothesis != c.hypothesis || c.hypothesis == "rounded" && (len(found) != 1 || len(found[0].Tensors) < c.least) {
			t.Errorf("found %s, error %v", names(found), err)
		}
	}
}

// TestAgain_BesideFound plants two faults into a block that a vector of other values explains together. The next block has one of them alone, and then the other
// is found.
func TestAgain_BesideFound(t *testing.T) {
	t.Parallel()
	config := configs()[2]
	right := drawn(config)
	wrong := planted(slices.Clone(right))
	zero := func(values []float64, _ int) []float64 { return make([]float64, len(values)) }
	wrong.change("blocks.0.attn.proj.bias", func(values []float64, _ int) []float64 { return each(values, func(v float64) float64 { return -v }) })
	program := planted(slices.Clone(right))
	for _, block := range []string{"blocks.0", "blocks.1"} {
		program.change(block+".attn.v_bias", zero)
	}
	seen, _ := run(t, config, program, nil, false)
	s, err := NewSearch(config, wrong)
	if err != nil {
		t.Fatal(err)
	}
	find := func(name string, search func(context.Context, Case) ([]Finding, error)) []Finding {
		stage, _ := engine.ParseStage(name)
		found, err := search(t.Context(), caseAt(config, seen, stage, true))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if first := find("blocks.0", s.Find); len(first) != 1 || !first[0].Arbitrary() {
		t.Errorf("at first: %s", names(first))
	}
	find("blocks.1", s.Find)
	var all []string
	for _, f := range find("blocks.0", s.Again) {
		all = append(all, f.Sentence)
	}
	if said := strings.Join(all, "\n"); !strings.Contains(said, "attn.v_bias is left out") || !strings.Contains(said, "attn.proj.bias is negated") {
		t.Errorf("then: %s", said)
	}
}

// TestFind_Added makes sure that vectors are solved for that are added before the first block, and that signs are.
func TestFind_Added(t *testing.T) {
	t.Parallel()
	config := configs()[2]
	zero := func(values []float64, _ int) []float64 { return make([]float64, len(values)) }
	for _, m := range []struct {
		hypothesis, tensor, stage, says string
		change                          func(values []float64, width int) []float64
	}{
		{"zero", "cls_token", "embed", "cls_token is all zero", zero},
		{"zero", "pos_embed", "embed", "pos_embed is all zero", zero},
		{"zero", "cls_token", "embed no positions", "cls_token is all zero", zero},
		{"folded", "patch_embed.proj.weight", "embed", "rescaled for pixels with ImageNet's std", ofColours3(0.229/0.5, 0.224/0.5, 0.225/0.5)},
		{"scaled", "patch_embed.proj.weight", "embed", "multiplied by 2, 1/3, -1", ofColours3(0.5, 3, -1)},
		{"zero-slices", "blocks.1.attn.q_bias", "blocks.1", "zeros alone in head 1", func(values []float64, _ int) []float64 {
			changed := slices.Clone(values)
			clear(changed[6:12])
			return changed
		}},
		{"one-row", "head.weight", "logits", "the logit of class 3 alone", func(values []float64, width int) []float64 {
			changed := slices.Clone(values)
			changed[3*width+5] += 0.5
			return changed
		}},
		{"signs", "blocks.1.gamma_1", "blocks.1", "gamma_1 has the signs that it lost", func(values []float64, _ int) []float64 { return each(values, math.Abs) }},
	} {
		config := config
		at, without := strings.CutSuffix(m.stage, " no positions")
		config.AbsolutePosition = !without
		right := drawn(config)
		wrong := planted(slices.Clone(right))
		wrong.change(m.tensor, m.change)
		seen, _ := run(t, config, right, nil, false)
		stage, _ := engine.ParseStage(at)
		s, err := NewSearch(config, wrong)
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.Find(t.Context(), caseAt(config, seen, stage, false))
		if err != nil || len(found) != 1 || found[0].Hypothesis != m.hypothesis || !strings.Contains(found[0].Sentence, m.says) || (found[0].Distance > found[0].Tolerance) != (m.hypothesis == "one-row") {
			t.Errorf("%s: found %s, error %v", m.tensor, names(found), err)
		}
	}
}

// TestFind_Unused makes sure that a parameter which the reference leaves out is no fault of the checkpoint that has it: nothing would bring it back.
func TestFind_Unused(t *testing.T) {
	t.Parallel()
	config := configs()[2]
	for tensor, stage := range map[string]string{
		"cls_token": "embed", "blocks.1.attn.v_bias": "blocks.1", "blocks.1.attn.relative_position_bias_table": "blocks.1", "blocks.1.norm2.bias": "blocks.1",
	} {
		weights := drawn(config)
		reference := planted(slices.Clone(weights))
		reference.change(tensor, func(values []float64, _ int) []float64 { return make([]float64, len(values)) })
		seen, _ := run(t, config, reference, nil, false)
		at, _ := engine.ParseStage(stage)
		s, err := NewSearch(config, weights)
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.Find(t.Context(), caseAt(config, seen, at, false))
		if err != nil || len(found) != 1 || found[0].Side != Program || found[0].Edits != nil || !slices.Equal(found[0].Tensors, []string{tensor}) || found[0].Advice == "" {
			t.Errorf("%s: found %+v, error %v", tensor, found, err)
		}
	}
}

// ofColours3 returns a change of kernels of three colours.
func ofColours3(red, green, blue float64) func([]float64, int) []float64 {
	return func(values []float64, _ int) []float64 {
		return ofColours([]float64{red, green, blue})(values, tensor.Shape{24, 3, 4, 4})
	}
}

// TestFind_FreshHead makes sure that the weight of a head is named, too, if other values of its bias, which the file shows to be lost, do not explain the logits.
func TestFind_FreshHead(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	right := drawn(config)
	wrong := planted(slices.Clone(right))
	wrong.change("head.bias", func(values []float64, _ int) []float64 { return make([]float64, len(values)) })
	wrong.change("head.weight", func(values []float64, _ int) []float64 {
		source := rand.New(rand.NewPCG(1, 2))
		return each(values, func(float64) float64 { return 0.02 * source.NormFloat64() })
	})
	seen, _ := run(t, config, right, nil, false)
	s, err := NewSearch(config, wrong)
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Find(t.Context(), caseAt(config, seen, engine.Stage{Kind: engine.Logits}, false))
	if err != nil || len(found) != 1 || !slices.Equal(found[0].Tensors, []string{"head.bias", "head.weight"}) || !strings.Contains(found[0].Sentence, "do not explain the difference alone") {
		t.Errorf("found %s, error %v", names(found), err)
	}
}

// TestFind_NormsAfterBranches has the attention branch as programs give it, before the norm that follows: one reason explains it and the rest of the block.
func TestFind_NormsAfterBranches(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	of := func(says string) map[string]engine.Activation {
		all := hypotheses()
		at := slices.IndexFunc(all, func(h hypothesis) bool { return h.says == says })
		seen, _ := run(t, config, drawn(config), &all[at], false)
		return seen
	}
	seen := of("the norms come after the branches")
	seen["blocks.1.attn"] = of("norm1 is left out")["blocks.1.attn"]
	s, err := NewSearch(config, drawn(config))
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Find(t.Context(), caseAt(config, seen, engine.Stage{Kind: engine.Block, Block: 1}, true))
	if err != nil || len(found) != 1 || found[0].Hypothesis != "order" {
		t.Errorf("found %s, error %v", names(found), err)
	}
}

// TestFind_NotFiniteInSharedTable makes sure that a table that all blocks share is looked at in each, and that nothing agrees where no limit is known.
func TestFind_NotFiniteInSharedTable(t *testing.T) {
	t.Parallel()
	config := configs()[3]
	right := drawn(config)
	wrong := planted(slices.Clone(right))
	const name = "rel_pos_bias.relative_position_bias_table"
	wrong.change(name, func(values []float64, _ int) []float64 { return append([]float64{math.Inf(-1)}, values[1:]...) })
	seen, _ := run(t, config, right, nil, false)
	s, err := NewSearch(config, wrong)
	if err != nil {
		t.Fatal(err)
	}
	c := caseAt(config, seen, engine.Stage{Kind: engine.Block, Block: 1}, false)
	found, err := s.Find(t.Context(), c)
	if err != nil || len(found) != 1 || found[0].Hypothesis != "non-finite" || !slices.Equal(found[0].Tensors, []string{name}) {
		t.Errorf("found %s, error %v", names(found), err)
	}
	wrong.change(name, func(values []float64, _ int) []float64 { return make([]float64, len(values)) })
	if s, err = NewSearch(config, wrong); err != nil {
		t.Fatal(err)
	}
	c.Limit.Max = math.NaN()
	if found, err = s.Find(t.Context(), c); err != nil || slices.ContainsFunc(found, func(f Finding) bool { return f.Hypothesis == Healthy || f.Edits != nil }) {
		t.Errorf("without a limit: found %s, error %v", names(found), err)
	}
}

// TestFind_BesideLost makes sure that a mistake which keeps everything is found beside a vector that was lost, and both are named and restored.
func TestFind_BesideLost(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	to := func(value float64) func([]float64, int) []float64 {
		return func(values []float64, _ int) []float64 { return slices.Repeat([]float64{value}, len(values)) }
	}
	for _, m := range []struct {
		vector     string
		value      float64
		hypothesis string
		other      string
		change     func(values []float64, width int) []float64
	}{
		{"blocks.1.gamma_2", 1e-5, "qkv-layout", "blocks.1.attn.qkv.weight", func(values []float64, width int) []float64 {
			order := permutedAxes([3]int{3, 4, 6}, [3]int{1, 2, 0})
			return rows(func(i, _ int) int { return order[i] })(values, tensor.Shape{3 * width, width})
		}},
		{"blocks.1.norm1.weight", 1, "scaled", "blocks.1.mlp.fc2.weight", func(values []float64, _ int) []float64 {
			return each(values, func(v float64) float64 { return v / 2 })
		}},
		{"blocks.1.attn.v_bias", 0, "table-order", "blocks.1.attn.relative_position_bias_table", func(values []float64, width int) []float64 {
			return rows(func(i, count int) int { return (i + 1) % count })(values, tensor.Shape{len(values) / width, width})
		}},
	} {
		right := drawn(config)
		wrong := planted(slices.Clone(right))
		wrong.change(m.vector, to(m.value))
		wrong.change(m.other, m.change)
		seen, _ := run(t, config, right, nil, false)
		s, err := NewSearch(config, wrong)
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.Find(t.Context(), caseAt(config, seen, engine.Stage{Kind: engine.Block, Block: 1}, false))
		if err != nil || len(found) != 2 {
			t.Errorf("%s: found %s, error %v", m.vector, names(found), err)
			continue
		}
		for i, want := range []string{m.other, m.vector} {
			if f := found[i]; !slices.Contains(f.Tensors, want) || f.Edits == nil || f.Distance > f.Tolerance {
				t.Errorf("%s: found %s: %s", want, names(found), f.Sentence)
			}
		}
	}
}

// TestFind_LacksPositions makes sure that it is said if the reference has absolute positions, and the model none.
func TestFind_LacksPositions(t *testing.T) {
	t.Parallel()
	config := configs()[2]
	right := drawn(config)
	seen, _ := run(t, config, right, nil, false)
	config.AbsolutePosition = false
	without := slices.DeleteFunc(slices.Clone(right), func(w tensor.Named) bool { return w.Name == "pos_embed" })
	s, err := NewSearch(config, without)
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Find(t.Context(), caseAt(config, seen, engine.Stage{Kind: engine.Embed}, false))
	if err != nil || len(found) != 1 || found[0].Hypothesis != "lacks-positions" || found[0].Edits != nil {
		t.Errorf("found %s, error %v", names(found), err)
	}
}

// TestFind_HalfOfABlockIsRight makes sure that it is said which half of a block to look at.
func TestFind_HalfOfABlockIsRight(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	for name, says := range map[string]string{
		"mlp.fc1.weight": "is right, and nothing explains what follows: look at the MLP", "attn.qkv.weight": "nothing explains the attention",
		"mlp.fc2.weight": "is explained, and nothing explains what follows",
	} {
		noise := hypothesis{at: wholeBlock, apply: func(d *draft) bool {
			if name == "mlp.fc2.weight" && !d.edit("attn.proj.weight", "", reread) {
				return false
			}
			return d.edit(name, "", func(values []float64, _ tensor.Shape) []float64 {
				source := rand.New(rand.NewPCG(1, 2))
				return each(values, func(v float64) float64 { return v + 0.1*source.NormFloat64() })
			})
		}}
		wrong, _ := run(t, config, drawn(config), &noise, false)
		s, err := NewSearch(config, drawn(config))
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.Find(t.Context(), caseAt(config, wrong, engine.Stage{Kind: engine.Block, Block: 1}, true))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: found nothing, error %v", name, err)
		}
		if last := found[len(found)-1]; len(found) > 2 || last.Hypothesis != Unexplained || last.Side != "" || !strings.Contains(last.Sentence, says) {
			t.Errorf("%s: found %s, error %v", name, names(found), err)
		}
	}
}

// TestFind_HalfPrecision makes sure that a program is recognised that computes in half precision, though its sums are rounded otherwise than ours.
func TestFind_HalfPrecision(t *testing.T) {
	t.Parallel()
	config := configs()[0]
	for _, half := range halfTypes {
		source := rand.New(rand.NewPCG(3, 4))
		h := hypothesis{at: wholeBlock, apply: func(d *draft) bool {
			d.Rules.Round = func(values []float64) {
				for i := range values {
					values[i] *= 1 + 1e-7*source.NormFloat64() // as sums in float32 are
				}
				half.round(values)
			}
			return true
		}}
		wrong, _ := run(t, config, drawn(config), &h, false)
		for _, branch := range []bool{false, true} {
			s, err := NewSearch(config, drawn(config))
			if err != nil {
				t.Fatal(err)
			}
			found, err := s.Find(t.Context(), caseAt(config, wrong, engine.Stage{Kind: engine.Block, Block: 1}, branch))
			if err != nil || len(found) == 0 || found[0].Hypothesis != "half-precision" || !strings.Contains(found[0].Sentence, half.says) {
				t.Errorf("%s, branch %t: found %s, error %v", half.says, branch, names(found), err)
			}
		}
	}
}

// TestToBits compares roundings with those of IEEE 754 that are in tables.
func TestToBits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ value, bf16, f16 float64 }{
		{1, 1, 1}, {3.14159265, 3.140625, 3.140625}, {1.0 / 3, 0.333984375, 0.333251953125}, {-65504, -65536, -65504}, {5.960464477539063e-08, 5.960464477539063e-08, 5.960464477539063e-08},
	} {
		values := []float64{c.value, c.value}
		halfTypes[0].round(values[:1])
		halfTypes[1].round(values[1:])
		if values[0] != c.bf16 || values[1] != c.f16 {
			t.Errorf("%v is %v in bfloat16 and %v in float16, want %v and %v", c.value, values[0], values[1], c.bf16, c.f16)
		}
	}
}
