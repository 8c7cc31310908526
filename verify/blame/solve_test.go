//go:build !race

package blame

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// rooms is an architecture with many tokens for its width, as released ones have.
func rooms() arch.Config {
	config := configs()[0]
	config.ImageHeight, config.ImageWidth, config.Classes = 32, 32, 12
	return config
}

// shuffled returns a permutation of n that moves everything.
func shuffled(n int) []int {
	order := rand.New(rand.NewPCG(5, uint64(n))).Perm(n)
	for i, from := range order {
		if from == i {
			j := (i + 1) % n
			order[i], order[j] = order[j], order[i]
		}
	}
	return order
}

// TestFind_Solved plants permutations, factors and single values that no list has, and makes sure that they are found, and restored to the bit where nothing
// was lost.
func TestFind_Solved(t *testing.T) {
	t.Parallel()
	config := rooms()
	c, width := config.EmbedDim, config.HeadDim()
	heads := []int{2, 0, 3, 1}
	var channels []int
	for _, h := range heads {
		for i := range width {
			channels = append(channels, h*width+i)
		}
	}
	third := func(part int, order []int) []int {
		rows := make([]int, 3*c)
		for i := range rows {
			rows[i] = i
		}
		for i, from := range order {
			rows[part*c+i] = part*c + from
		}
		return rows
	}
	for _, m := range []struct {
		name, hypothesis, says string
		stage                  string
		plant                  func(w planted)
		exact                  bool
	}{
		{"heads of q", "permuted-heads", "queries", "blocks.1", func(w planted) {
			w.rows("blocks.1.attn.qkv.weight", third(0, channels))
			w.rows("blocks.1.attn.q_bias", channels)
		}, true},
		{"heads of the table", "permuted-heads", "relative position bias", "blocks.1", func(w planted) {
			w.columns("blocks.1.attn.relative_position_bias_table", heads)
		}, true},
		{"heads of q, k and v", "permuted-heads", "", "blocks.1", func(w planted) {
			for part := range 3 {
				w.rows("blocks.1.attn.qkv.weight", third(part, channels))
			}
			w.rows("blocks.1.attn.q_bias", channels)
			w.rows("blocks.1.attn.v_bias", channels)
		}, true},
		{"columns of proj", "permuted", "attn.proj.weight", "blocks.1", func(w planted) { w.columns("blocks.1.attn.proj.weight", shuffled(c)) }, true},
		{"rows of v", "permuted", "values", "blocks.1", func(w planted) { w.rows("blocks.1.attn.qkv.weight", third(2, shuffled(c))) }, true},
		{"rows of proj", "permuted", "rows of attn.proj.weight alone", "blocks.1", func(w planted) { w.rows("blocks.1.attn.proj.weight", shuffled(c)) }, true},
		{"rows of fc1", "permuted", "mlp.fc1", "blocks.1", func(w planted) {
			w.rows("blocks.1.mlp.fc1.weight", shuffled(config.HiddenDim))
			w.rows("blocks.1.mlp.fc1.bias", shuffled(config.HiddenDim))
		}, true},
		{"rows of fc1.weight alone", "permuted", "mlp.fc1.weight alone", "blocks.1", func(w planted) { w.rows("blocks.1.mlp.fc1.weight", shuffled(config.HiddenDim)) }, true},
		{"rows of fc1.weight rolled", "permuted", "mlp.fc1.weight alone are rolled by 5", "blocks.1", func(w planted) {
			w.rows("blocks.1.mlp.fc1.weight", rolledBy(config.HiddenDim, 5))
		}, true},
		{"fc1.bias rolled", "permuted", "values of mlp.fc1.bias are rolled by 7", "blocks.1", func(w planted) {
			w.rows("blocks.1.mlp.fc1.bias", rolledBy(config.HiddenDim, 7))
		}, true},
		{"rows of fc2", "permuted", "mlp.fc2.weight", "blocks.1", func(w planted) { w.rows("blocks.1.mlp.fc2.weight", shuffled(c)) }, true},
		{"gamma_2 rolled", "permuted", "gamma_2 are rolled", "blocks.1", func(w planted) { w.rows("blocks.1.gamma_2", rolledBy(c, 3)) }, true},
		{"gamma_1 reversed", "permuted", "gamma_1 is reversed", "blocks.1", func(w planted) { w.rows("blocks.1.gamma_1", rolledBy(c, -1)) }, true},
		{"v_bias of another block", "other-tensor", "blocks.2.attn.v_bias", "blocks.1", func(w planted) { w.take("blocks.1.attn.v_bias", "blocks.2.attn.v_bias") }, false},
		{"classes", "class-order", "", "logits", func(w planted) {
			w.rows("head.weight", shuffled(12))
			w.rows("head.bias", shuffled(12))
		}, true},
		{"head.bias rolled", "permuted", "head.bias", "logits", func(w planted) { w.rows("head.bias", rolledBy(12, 1)) }, true},
		{"one value of fc_norm", "single-value", "fc_norm.weight[7]", "pool", func(w planted) { w.set("fc_norm.weight", 7, 3) }, false},
		{"one value of fc1", "single-value", "mlp.fc1.weight[7 3]", "blocks.1", func(w planted) { w.set("blocks.1.mlp.fc1.weight", 7*c+3, 2) }, false},
		{"one value of fc1's bias", "single-value", "mlp.fc1.bias[7]", "blocks.1", func(w planted) { w.set("blocks.1.mlp.fc1.bias", 7, 2) }, false},
		{"one value of fc2", "single-value", "mlp.fc2.weight[5 9]", "blocks.1", func(w planted) { w.set("blocks.1.mlp.fc2.weight", 5*config.HiddenDim+9, 2) }, false},
		{"one value of gamma_2", "single-value", "gamma_2[4]", "blocks.1", func(w planted) { w.set("blocks.1.gamma_2", 4, 2) }, false},
		{"one value of proj", "single-value", "attn.proj.weight[5 9]", "blocks.1", func(w planted) { w.set("blocks.1.attn.proj.weight", 5*c+9, 2) }, false},
		{"one value of v", "single-value", "attn.qkv.weight[58 9]", "blocks.1", func(w planted) { w.set("blocks.1.attn.qkv.weight", 58*c+9, 2) }, false},
		{"one value of q", "single-value", "attn.qkv.weight[10 9]", "blocks.1", func(w planted) { w.set("blocks.1.attn.qkv.weight", 10*c+9, 1) }, false},
		{"one value of k", "single-value", "attn.qkv.weight[34 9]", "blocks.1", func(w planted) { w.set("blocks.1.attn.qkv.weight", 34*c+9, 1) }, false},
		{"one value of q's bias", "single-value", "attn.q_bias[10]", "blocks.1", func(w planted) { w.set("blocks.1.attn.q_bias", 10, 1) }, false},
		{"one value of the table", "single-value", "bias_table[100 2]", "blocks.1", func(w planted) { w.set("blocks.1.attn.relative_position_bias_table", 402, 1) }, false},
		{"one value of norm1", "single-value", "norm1.weight[5]", "blocks.1", func(w planted) { w.set("blocks.1.norm1.weight", 5, 2) }, false},
		{"one value of norm2's bias", "single-value", "norm2.bias[5]", "blocks.1", func(w planted) { w.set("blocks.1.norm2.bias", 5, 2) }, false},
		{"a factor of the scores", "query-scale", "1/2", "blocks.1", nil, false},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			weights := drawn(config)
			stage, _ := engine.ParseStage(m.stage)
			var h *hypothesis
			wrong := planted(slices.Clone(weights))
			if m.plant == nil {
				h = &hypothesis{at: attention, apply: func(d *draft) bool {
					d.Rules.QueryScale = 0.5 / root(config)
					return true
				}}
			} else {
				m.plant(wrong)
			}
			right, _ := run(t, config, weights, h, false)
			for _, branch := range []bool{false, true} {
				s, err := NewSearch(config, wrong)
				if err != nil {
					t.Fatal(err)
				}
				found, err := s.Find(t.Context(), caseAt(config, right, stage, branch))
				if err != nil {
					t.Fatal(err)
				}
				if len(found) != 1 || found[0].Hypothesis != m.hypothesis || !strings.Contains(found[0].Sentence, m.says) {
					t.Errorf("branch %t: found %+v", branch, found)
					continue
				}
				if m.exact {
					restored(t, weights, wrong, found[0].Edits)
				}
			}
		})
	}
}

// restored makes sure that the edits make the right weights of the wrong ones.
func restored(t *testing.T, right, wrong []tensor.Named, edits []Edit) {
	t.Helper()
	for i, w := range wrong {
		values, _ := tensor.Float64s(w.View)
		for _, e := range edits {
			if e.Tensor == w.Name {
				values, _ = tensor.Float64s(e.View)
			}
		}
		if want, _ := tensor.Float64s(right[i].View); !slices.Equal(want, values) {
			t.Errorf("%s is not restored by %d edits", w.Name, len(edits))
		}
	}
}

func root(c arch.Config) float64 { return math.Sqrt(float64(c.HeadDim())) }
