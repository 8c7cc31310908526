package proposal

import (
	"slices"
	"testing"
)

// Which of two names comes first in a block is told by numbers and words, and else by the file.
func TestInOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first, second string
		certain       bool
	}{
		{"h.{i}.ln_1.weight", "h.{i}.ln_2.weight", true},
		{"block_{i}/LayerNorm_0/scale", "block_{i}/LayerNorm_1/scale", true},
		{"layer.{i}.layernorm_before.weight", "layer.{i}.layernorm_after.weight", true},
		{"layers.{i}.input_layernorm.weight", "layers.{i}.post_attention_layernorm.weight", true},
		{"layers.{i}.attention_norm.weight", "layers.{i}.ffn_norm.weight", true},
		{"{i}.attn.ls", "{i}.mlp.ls", true},
		{"{i}.a.ln", "{i}.b.ln", false},
	} {
		a, b := &item{pattern: c.first, order: 1}, &item{pattern: c.second, order: 2}
		if c.certain { // whatever the order in the file
			a.order, b.order = 2, 1
		}
		for _, pair := range [][2]*item{{a, b}, {b, a}} {
			first, second, certain, why := inOrder(pair[0], pair[1])
			if first != a || second != b || certain != c.certain || (why == "") != c.certain {
				t.Errorf("%s comes before %s, certain: %v (%s)", first.pattern, second.pattern, certain, why)
			}
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"block_{i+1:02}/layerScale1": {"block", "layer", "scale", "1"}, "to_qkv": {"to", "qkv"}, "net.Wq": {"net", "wq"}, "fc1": {"fc", "1"}, "": nil,
	} {
		if got := words(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
