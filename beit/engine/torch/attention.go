//go:build libtorch

package torch

import (
	"math"
	"sync"

	"github.com/sugarme/gotch/libtch"
)

// attention is the attention of one block, with the linear layers before and after it.
type attention struct {
	qkv, proj linear
	bias      *positions
}

// positions returns the relative position bias, [1, heads, T, T], or what stands for none.
func (a attention) positions(s *scope, t *transformer) value {
	if a.bias == nil {
		return t.noBias
	}
	bias, err := a.bias.get(s, t.machine)
	s.fail(err)
	return bias
}

// apply returns the attention branch for x, which is normalised already, [N, T, C].
func (a attention) apply(s *scope, x value, t *transformer, images int) value {
	bias := a.positions(s, t)
	return s.keep(func(s *scope) value {
		heads, tokens, width := int64(t.config.Heads), int64(t.config.Tokens()), int64(t.config.HeadDim())
		qkv := s.reshape(a.qkv.apply(s, x), int64(images), tokens, 3, heads, width)
		qkv = s.permute(qkv, 2, 0, 3, 1, 4)
		mixed := t.attend(s, s.pick(qkv, 0, 0), s.pick(qkv, 0, 1), s.pick(qkv, 0, 2), bias, t.config.HeadDim())
		mixed = s.reshape(s.transpose(mixed, 1, 2), int64(images), tokens, heads*width)
		return a.proj.apply(s, mixed)
	})
}

// attend is an implementation of attention: it takes queries, keys and values, [N, heads, T, d], and a bias that may be absent, and returns
// [N, heads, T, d].
type attend func(s *scope, q, k, v, bias value, width int) value

// fused is libtorch's operator, whose kernels do not store the matrix of scores. Libtorch 1.13 does not have it, and gotch cannot call it
// without a bias.
//
//gotchfit:optional
func fused(s *scope, q, k, v, bias value, _ int) value {
	return s.operator("scaled_dot_product_attention", line{"torch.scaled_dot_product_attention(%s, %s, %s, %s)", []any{q, k, v, bias}}, func(out *libtch.Ctensor) {
		libtch.AtgScaledDotProductAttention(out, q.c, k.c, v.c, bias.c, 0, 0, 0, 1)
	})
}

// plain stores the matrix of scores, and scales it and adds the bias in place.
func plain(s *scope, q, k, v, bias value, width int) value {
	scores := s.matmul(q, s.transpose(k, -1, -2))
	s.scale(scores, 1/math.Sqrt(float64(width)))
	if bias != (value{}) {
		s.add(scores, bias)
	}
	return s.matmul(s.softmax(scores), v)
}

// haveFused reports whether this libtorch has the fused operator, which it finds out by calling it once.
var haveFused = sync.OnceValue(func() bool {
	return attempt(func(s *scope) {
		x := s.floats(make([]float32, 8), 1, 1, 2, 4)
		fused(s, x, x, x, s.floats(make([]float32, 4), 1, 1, 2, 2), 4)
	})
})
