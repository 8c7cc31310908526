package native

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/native/internal/gemm"
)

// block is one transformer block.
type block[T gemm.Float] struct {
	norm1, norm2        norm[T]
	qkv, proj, fc1, fc2 linear[T]
	// bias is nil if the model has no relative position bias.
	bias *positions[T]
	// gamma1 and gamma2 are nil if the model has no layer scale.
	gamma1, gamma2 []T
	// activate is the activation function inside the MLP, in place.
	activate func([]T)
}

// block reads block i.
func (s *source[T]) block(i int, activate func([]T)) (b block[T], err error) {
	prefix, c := fmt.Sprintf("blocks.%d.", i), s.config
	b.activate = activate
	for _, read := range []func() error{
		func() (err error) { b.norm1, err = s.norm(prefix + "norm1."); return err },
		func() (err error) { b.norm2, err = s.norm(prefix + "norm2."); return err },
		func() (err error) { b.qkv, err = s.qkv(prefix + "attn."); return err },
		func() (err error) { b.proj, err = s.linear(prefix+"attn.proj.", c.EmbedDim, c.EmbedDim); return err },
		func() (err error) { b.fc1, err = s.linear(prefix+"mlp.fc1.", c.HiddenDim, c.EmbedDim); return err },
		func() (err error) { b.fc2, err = s.linear(prefix+"mlp.fc2.", c.EmbedDim, c.HiddenDim); return err },
		func() (err error) { b.bias, err = s.blockBias(prefix); return err },
	} {
		if err := read(); err != nil {
			return b, err
		}
	}
	if !c.LayerScale {
		return b, nil
	}
	return b, s.vectors(map[string]*[]T{prefix + "gamma_1": &b.gamma1, prefix + "gamma_2": &b.gamma2})
}

// blockBias reads the table of a block, or the one that all blocks share.
func (s *source[T]) blockBias(prefix string) (*positions[T], error) {
	switch s.config.Bias {
	case arch.BlockBias:
		return s.positions(prefix + "attn.")
	case arch.SharedBias:
		return s.positions("rel_pos_bias.")
	}
	return nil, nil
}

// qkv joins the biases of query and value; keys have none.
func (s *source[T]) qkv(prefix string) (l linear[T], err error) {
	dim := s.config.EmbedDim
	weight, err := s.matrix(prefix+"qkv.weight", 3*dim, dim)
	if err != nil {
		return l, err
	}
	var query, value []T
	if err := s.vectors(map[string]*[]T{prefix + "q_bias": &query, prefix + "v_bias": &value}); err != nil {
		return l, err
	}
	l = linear[T]{weight: weight, bias: make([]T, 3*dim), out: 3 * dim, in: dim, round: s.round}
	copy(l.bias, query)
	copy(l.bias[2*dim:], value)
	return l, nil
}
