//go:build libtorch

package torch

import (
	"math"

	"github.com/sugarme/gotch/libtch"
)

// This file has the operators of training, which libtorch records. Those of a forward pass that change their argument in place can't be: its gradient needs
// what was there before.

// leaves are the parameters in training.
type leaves struct {
	values map[string]value
	// index has where the elements of the bias matrix are in the table: int64, [1, T * T] on the CPU and [T * T] on a GPU. It is absent without tables.
	index value
	// half means that linear layers compute in bfloat16.
	half bool
}

// linear returns a layer of a weight, [out, in], and a bias, both recorded.
func (l *leaves) linear(s *scope, weight, bias value) linear {
	if l.half {
		weight, bias = s.cast(weight, bfloat16), s.cast(bias, bfloat16)
	}
	return linear{weight: weight, bias: bias, recorded: true, half: l.half}
}

// cast returns x in a dtype: x itself, or a copy through which gradients flow.
func (s *scope) cast(x value, dtype dtype) value {
	return s.operator("to", line{"torch.to(%s, %s)", []any{x, int(dtype)}}, func(out *libtch.Ctensor) { libtch.AtgTotype(out, x.c, int32(dtype)) })
}

func (s *scope) recordedGELU(x value) value {
	return s.call("gelu", func(out *libtch.Ctensor) { libtch.AtgGelu(out, x.c, "none") })
}

// sumOf returns x + y.
func (s *scope) sumOf(x, y value) value {
	return s.call("add", func(out *libtch.Ctensor) { libtch.AtgAdd(out, x.c, y.c) })
}

// sumScaled returns x + factor * y, or x + y without a factor.
func (s *scope) sumScaled(x, factor, y value) value {
	if factor == (value{}) {
		return s.sumOf(x, y)
	}
	return s.call("addcmul", func(out *libtch.Ctensor) { libtch.AtgAddcmul(out, x.c, y.c, factor.c) })
}

// total returns the sum of all elements.
func (s *scope) total(x value) value {
	return s.call("sum", func(out *libtch.Ctensor) { libtch.AtgSum(out, x.c, -1) })
}

// norm returns the Euclidean norm of all elements, [1].
func (s *scope) norm(x value) value {
	return s.reshape(s.call("norm", func(out *libtch.Ctensor) { libtch.AtgNorm(out, x.c) }), 1)
}

func (s *scope) logSoftmax(x value) value {
	return s.call("log_softmax", func(out *libtch.Ctensor) { libtch.Atg_LogSoftmax(out, x.c, -1, 0) })
}

// asLeaf returns x as a tensor at which gradients end and are computed, or not: the same memory without what was recorded of it.
func (s *scope) asLeaf(x value, gradient bool) value {
	return s.keep(func(s *scope) value {
		detached := s.call("detach", func(out *libtch.Ctensor) { libtch.AtgDetach(out, x.c) })
		flag := int32(0)
		if gradient {
			flag = 1
		}
		return s.call("requires_grad_", func(out *libtch.Ctensor) { libtch.AtgSetRequiresGrad(out, detached.c, flag) })
	})
}

// recorded returns the bias matrix, [1, heads, T, T], of a table, [rows, heads]. Each element of the table is the bias of many pairs of tokens, whose gradients
// libtorch adds in an order that is always the same: on the CPU gather does, and indexing does not; on a GPU embedding does, and gather does not.
func (s *scope) recorded(p *positions, device device) value {
	heads, tokens := int64(p.config.Heads), int64(p.config.Tokens())
	return s.keep(func(s *scope) value {
		if device != cpu {
			rows := s.call("embedding", func(out *libtch.Ctensor) { libtch.AtgEmbedding(out, p.leaf.c, p.index.c, -1, 0, 0) })
			return s.permute(s.reshape(rows, 1, tokens, tokens, heads), 0, 3, 1, 2)
		}
		index := s.expand(p.index, heads, tokens*tokens)
		table := s.transpose(p.leaf, 0, 1)
		matrix := s.call("gather", func(out *libtch.Ctensor) { libtch.AtgGather(out, table.c, 1, index.c, 0) })
		return s.reshape(matrix, 1, heads, tokens, tokens)
	})
}

// halfAttention is plain attention of queries, keys and values in bfloat16, with scores and softmax in float32.
func halfAttention(s *scope, q, k, v, bias value, width int) value {
	scores := s.cast(s.matmul(q, s.transpose(k, -1, -2)), float32s)
	s.scale(scores, 1/math.Sqrt(float64(width)))
	if bias != (value{}) {
		s.add(scores, bias)
	}
	return s.matmul(s.cast(s.softmax(scores), bfloat16), v)
}

// record runs part while libtorch records what gradients need.
func (s *scope) record(part func()) {
	libtch.AtGradSetEnabled(1)
	defer libtch.AtGradSetEnabled(0)
	part()
}

// gradients returns those of a number with respect to leaves, in their order; absent where it does not depend on one. What was recorded is gone afterwards.
func (s *scope) gradients(of value, leaves []value) []value {
	if s.err != nil || len(leaves) == 0 {
		return make([]value, len(leaves))
	}
	inputs, outputs := make([]libtch.Ctensor, len(leaves)), make([]libtch.Ctensor, len(leaves))
	for i, leaf := range leaves {
		inputs[i] = leaf.c
	}
	libtch.AtRunBackward(&of.c, 1, &inputs[0], len(inputs), &outputs[0], 0, 0)
	result := make([]value, len(leaves))
	if message := lastError(); message != "" {
		s.fail(newOperatorError("backward", message))
	}
	for i, c := range outputs {
		switch {
		case c == nil:
		case !libtch.AtDefined(c):
			libtch.AtFree(c)
		default:
			result[i] = s.take("backward", value{c: c})
		}
	}
	return result
}
