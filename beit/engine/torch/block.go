//go:build libtorch

package torch

import (
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// norm is a LayerNorm over the channels.
type norm struct{ weight, bias value }

// block is a transformer block. gamma1 and gamma2 are absent if the model has no layer scale.
type block struct {
	norm1, norm2   norm
	attention      attention
	fc1, fc2       linear
	gamma1, gamma2 value
	// program computes the whole block in one call; it is absent on a GPU and in training.
	program *program
}

// parameters returns the tensors of the block, without the relative position bias.
func (b *block) parameters() []*value {
	all := []*value{&b.norm1.weight, &b.norm1.bias, &b.norm2.weight, &b.norm2.bias, &b.gamma1, &b.gamma2}
	for _, layer := range []*linear{&b.attention.qkv, &b.attention.proj, &b.fc1, &b.fc2} {
		all = append(all, &layer.weight, &layer.bias, &layer.rows, &layer.shape)
	}
	return slices.DeleteFunc(all, func(v *value) bool { return *v == (value{}) })
}

// list returns the program of a block: of its input, [N, T, C], which it changes to its output, its bias if it has one, and its parameters. It returns its output or, if
// the block pools, what feedMean does.
func (b block) list(t *transformer, pools bool) (*program, error) {
	var x, bias value
	parameters := append([]*value{&x}, b.parameters()...)
	if b.attention.bias != nil || t.noBias != (value{}) {
		parameters = slices.Insert(parameters, 1, &bias)
	}
	return list(&t.weights, "block", parameters, func(s *scope) value {
		if bias != (value{}) {
			b.attention.bias = &positions{matrix: bias}
		}
		s.addScaled(x, b.gamma1, b.attend(s, x, t, -1))
		if pools {
			return b.feedMean(s, x, t)
		}
		s.addScaled(x, b.gamma2, b.feed(s, x, t))
		return x
	})
}

// compute calls the program of the block.
func (b block) compute(s *scope, x value, t *transformer) value {
	arguments := []value{x}
	if bias := b.attention.positions(s, t); bias != (value{}) {
		arguments = append(arguments, bias)
	}
	for _, parameter := range b.parameters() {
		arguments = append(arguments, *parameter)
	}
	return s.run(b.program, arguments...)
}

func (l *loader) norm(prefix string) norm {
	return norm{weight: l.parameter(prefix + "weight"), bias: l.parameter(prefix + "bias")}
}

// block reads block i. Its relative position bias comes from its own table if it has one; otherwise it is shared, which may be nil.
func (l *loader) block(i int, shared *positions) (b block) {
	prefix, rows := fmt.Sprintf("blocks.%d.", i), l.config.Tokens()
	b.norm1, b.norm2 = l.norm(prefix+"norm1."), l.norm(prefix+"norm2.")
	b.attention.qkv = l.pack(prefix+"attn.qkv.weight", rows, l.qkvBias(prefix), l.tokenLayout)
	b.attention.proj = l.linear(prefix+"attn.proj.", rows, l.tokenLayout)
	second := l.tokenLayout
	if i == l.config.Depth-1 && l.config.Pooling == arch.MeanPooling {
		second = l.layout // feedMean gives it one vector
	}
	b.fc1, b.fc2 = l.linear(prefix+"mlp.fc1.", rows, l.tokenLayout), l.linear(prefix+"mlp.fc2.", rows, second)
	if l.config.LayerScale {
		b.gamma1, b.gamma2 = l.parameter(prefix+"gamma_1"), l.parameter(prefix+"gamma_2")
	}
	b.attention.bias = shared
	if l.config.Bias == arch.BlockBias {
		b.attention.bias = l.positions(prefix + "attn.relative_position_bias_table")
	}
	return b
}

// qkvBias reads the biases of queries and values. Between them it puts zeros for the keys, which have no bias.
func (l *loader) qkvBias(prefix string) value {
	return l.scope.keep(func(s *scope) value {
		part := *l
		part.scope = s
		zeros := s.zeros(l.device, l.dtype, int64(l.config.EmbedDim))
		return s.concatenate(0, part.parameter(prefix+"attn.q_bias"), zeros, part.parameter(prefix+"attn.v_bias"))
	})
}

func (n norm) apply(s *scope, x value, config arch.Config) value {
	return s.layerNorm(x, n.weight, n.bias, config.Epsilon, config.EmbedDim)
}

// attend returns what the attention branch adds to x.
func (b block) attend(s *scope, x value, t *transformer, images int) value {
	return s.keep(func(s *scope) value { return b.attention.apply(s, b.norm1.apply(s, x, t.config), t, images) })
}

// feed returns what the MLP adds to x.
func (b block) feed(s *scope, x value, t *transformer) value {
	return s.keep(func(s *scope) value {
		hidden := s.keep(func(s *scope) value { return b.fc1.applyGELU(s, b.norm2.apply(s, x, t.config)) })
		return b.fc2.apply(s, hidden)
	})
}

// feedMean returns the mean of the patch tokens of x after the MLP, [N, C]. The second linear layer commutes with the mean, so it is computed for
// one vector of each image instead of one of each token.
func (b block) feedMean(s *scope, x value, t *transformer) value {
	return s.keep(func(s *scope) value {
		hidden := b.fc1.applyGELU(s, b.norm2.apply(s, x, t.config))
		mean := s.mean(s.from(x, 1))
		s.addScaled(mean, b.gamma2, b.fc2.apply(s, s.mean(s.from(hidden, 1))))
		return mean
	})
}
