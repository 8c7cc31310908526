package arch

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/tensor"
)

// witnesses say which dimension of which parameter is the value of which property. Parameters are recognised by the end of their canonical names.
var witnesses = []struct {
	suffix    string
	rank, dim int
	property  string
}{
	{"relative_position_index", 2, 0, "tokens"},
	{"rel_pos_bias.relative_position_bias_table", 2, 0, "rows"},
	{"attn.relative_position_bias_table", 2, 0, "rows"},
	{"relative_position_bias_table", 2, 1, "heads"},
	{"pos_embed", 3, 1, "tokens"},
	{"cls_token", 3, 2, "embed"},
	{"mask_token", 3, 2, "embed"},
	{"pos_embed", 3, 2, "embed"},
	{"norm1.weight", 1, 0, "embed"},
	{"norm1.bias", 1, 0, "embed"},
	{"norm2.weight", 1, 0, "embed"},
	{"norm2.bias", 1, 0, "embed"},
	{"attn.q_bias", 1, 0, "embed"},
	{"attn.v_bias", 1, 0, "embed"},
	{"attn.qkv.weight", 2, 1, "embed"},
	{"mlp.fc2.bias", 1, 0, "embed"},
	{"gamma_1", 1, 0, "embed"},
	{"gamma_2", 1, 0, "embed"},
	{"proj.bias", 1, 0, "embed"},
	{"norm.weight", 1, 0, "embed"},
	{"mlp.fc1.weight", 2, 0, "hidden"},
	{"mlp.fc1.bias", 1, 0, "hidden"},
	{"mlp.fc2.weight", 2, 1, "hidden"},
	{"patch_embed.proj.weight", 4, 2, "patch"},
	{"patch_embed.proj.weight", 4, 3, "patch"},
	{"head.weight", 2, 0, "classes"},
	{"head.bias", 1, 0, "classes"},
}

// marks are the parameters whose presence alone is evidence, recognised by the end of their names.
var marks = []struct{ suffix, mark string }{
	{"pos_embed", "pos_embed"},
	{"gamma_1", "gamma_1"},
	{"gamma_2", "gamma_2"},
	{"mask_token", "mask_token"},
	{"rel_pos_bias.relative_position_bias_table", "shared"},
	{"attn.relative_position_bias_table", "table"},
	{"fc_norm.weight", "fc_norm"},
	{"fc_norm.bias", "fc_norm"},
	{"lm_head.weight", "lm_head"},
	{"lm_head.bias", "lm_head"},
	{"norm.weight", "norm"},
	{"norm.bias", "norm"},
}

// evidence is what the parameters say about the architecture.
type evidence struct {
	// votes has the weight of the evidence for each value of each property.
	votes  map[string]map[int]int
	marks  map[string]bool
	blocks map[int]bool
	total  int
}

// survey collects the evidence of all parameters.
func survey(shapes map[string]tensor.Shape) evidence {
	s := evidence{votes: map[string]map[int]int{}, marks: map[string]bool{}, blocks: map[int]bool{}, total: len(shapes)}
	for name, shape := range shapes {
		for _, w := range witnesses {
			if endsWith(name, w.suffix) && len(shape) == w.rank {
				if s.votes[w.property] == nil {
					s.votes[w.property] = map[int]int{}
				}
				// If a matrix and its bias disagree, the matrix counts more.
				s.votes[w.property][shape[w.dim]] += 2*len(shape) - 1
			}
		}
		for _, m := range marks {
			s.marks[m.mark] = s.marks[m.mark] || endsWith(name, m.suffix)
		}
		if rest, ok := strings.CutPrefix(name, "blocks."); ok {
			digits, _, _ := strings.Cut(rest, ".")
			if index, err := strconv.Atoi(digits); err == nil && index >= 0 {
				s.blocks[index] = true
			}
		}
	}
	return s
}

// endsWith reports whether the last components of name are those of suffix. "head.weight" and "head.bias" also stand for those of lm_head.
func endsWith(name, suffix string) bool {
	if suffix == "head.weight" || suffix == "head.bias" {
		name = strings.TrimPrefix(name, "lm_")
	}
	before, found := strings.CutSuffix(name, suffix)
	return found && (before == "" || before[len(before)-1] == '.')
}

func (s evidence) has(mark string) bool { return s.marks[mark] }

// most returns the value with the most votes, the larger one of a tie, or 0 if there are no votes.
func (s evidence) most(property string) int {
	values := make([]int, 0, len(s.votes[property]))
	for value := range s.votes[property] {
		values = append(values, value)
	}
	if len(values) == 0 {
		return 0
	}
	return slices.MaxFunc(values, func(a, b int) int {
		return cmp.Or(s.votes[property][a]-s.votes[property][b], a-b)
	})
}

// depth returns one more than the largest index of a block. If that exceeds the number of parameters, it cannot be right, and depth returns the number of
// blocks instead.
func (s evidence) depth() int {
	last := -1
	for index := range s.blocks {
		last = max(last, index)
	}
	if last >= s.total {
		return len(s.blocks)
	}
	return last + 1
}

func (s evidence) bias() Bias {
	switch {
	case s.has("table"):
		return BlockBias
	case s.has("shared"):
		return SharedBias
	}
	return NoBias
}

func (s evidence) pooling() (pooling Pooling, maskToken bool) {
	switch {
	case s.has("fc_norm"):
		return MeanPooling, false
	case s.has("lm_head") || s.has("mask_token"):
		return AllTokens, true
	case s.has("norm"):
		return ClassToken, false
	}
	return MeanPooling, false
}
