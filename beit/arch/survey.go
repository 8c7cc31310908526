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
	{"patch_embed.proj.weight", 4, 1, "channels"},
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
	{"head.weight", "head"},
	{"head.bias", "head"},
	{"cls_pt_norm.weight", "class_head"},
	{"cls_pt_norm.bias", "class_head"},
	{"cls_pt_lm_head.weight", "class_head"},
	{"cls_pt_lm_head.bias", "class_head"},
}

// evidence is what the parameters say about the architecture.
type evidence struct {
	votes
	marks map[string]bool
	// blocks and classBlocks are the indices of blocks and of those of the class token's branch.
	blocks, classBlocks map[int]bool
	total               int
}

// survey collects the evidence of all parameters.
func survey(shapes map[string]tensor.Shape) evidence {
	s := evidence{votes: votes{}, marks: map[string]bool{}, blocks: map[int]bool{}, classBlocks: map[int]bool{}, total: len(shapes)}
	for name, shape := range shapes {
		for _, w := range witnesses {
			if endsWith(name, w.suffix) && len(shape) == w.rank {
				s.add(w.property, shape[w.dim], 2*len(shape)-1) // if a matrix and its bias disagree, the matrix counts more
			}
		}
		for _, m := range marks {
			s.marks[m.mark] = s.marks[m.mark] || endsWith(name, m.suffix)
		}
		note(s.blocks, "blocks.", name)
		note(s.classBlocks, "cls_pt_layers.", name)
	}
	return s
}

// note adds the index behind a prefix of name to indices, if there is one.
func note(indices map[int]bool, prefix, name string) {
	rest, found := strings.CutPrefix(name, prefix)
	digits, _, _ := strings.Cut(rest, ".")
	if index, err := strconv.Atoi(digits); found && err == nil && index >= 0 {
		indices[index] = true
	}
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

// votes has the weight of the evidence for each value of each property.
type votes map[string]map[int]int

func (s votes) add(property string, value, weight int) {
	if s[property] == nil {
		s[property] = map[int]int{}
	}
	s[property][value] += weight
}

// most returns the value with the most votes, the larger one of a tie, or 0 if there are no votes.
func (s votes) most(property string) int {
	values := make([]int, 0, len(s[property]))
	for value := range s[property] {
		values = append(values, value)
	}
	if len(values) == 0 {
		return 0
	}
	return slices.MaxFunc(values, func(a, b int) int {
		return cmp.Or(s[property][a]-s[property][b], a-b)
	})
}

// depth returns one more than the largest index. If that exceeds the number of parameters, it cannot be right, and depth returns the number of indices
// instead.
func (s evidence) depth(indices map[int]bool) int {
	last := -1
	for index := range indices {
		last = max(last, index)
	}
	if last >= s.total {
		return len(indices)
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
		return AllTokens, s.has("mask_token")
	case s.has("norm"):
		return ClassToken, false
	case s.has("head"):
		return MeanPooling, false
	}
	return NoPooling, false
}
