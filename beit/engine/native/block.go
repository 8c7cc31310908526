package native

import (
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/beit/engine/internal/relpos"
)

// block is one transformer block.
type block[T gemm.Float] struct {
	norm1, norm2        norm[T]
	qkv, proj, fc1, fc2 linear[T]
	// bias is nil if the model has no relative position bias.
	bias *relpos.Table[T]
	// gamma1 and gamma2 are nil if the model has no layer scale.
	gamma1, gamma2 []T
}

// block reads block i, several parameters at once.
func (l *loader[T]) block(i, threads int) (b block[T], err error) {
	prefix, c := fmt.Sprintf("blocks.%d.", i), l.config
	var group errgroup.Group
	group.SetLimit(threads)
	for _, read := range []func() error{
		func() (err error) { b.fc1, err = l.linear(prefix+"mlp.fc1.", c.HiddenDim, c.EmbedDim); return err },
		func() (err error) { b.fc2, err = l.linear(prefix+"mlp.fc2.", c.EmbedDim, c.HiddenDim); return err },
		func() (err error) { b.qkv, err = l.qkv(prefix + "attn."); return err },
		func() (err error) { b.proj, err = l.linear(prefix+"attn.proj.", c.EmbedDim, c.EmbedDim); return err },
		func() (err error) { b.norm1, err = l.norm(prefix + "norm1."); return err },
		func() (err error) { b.norm2, err = l.norm(prefix + "norm2."); return err },
		func() (err error) { b.bias, err = l.blockBias(prefix); return err },
	} {
		group.Go(read)
	}
	if err := group.Wait(); err != nil || !c.LayerScale {
		return b, err
	}
	return b, l.vectors(map[string]*[]T{prefix + "gamma_1": &b.gamma1, prefix + "gamma_2": &b.gamma2})
}

// blockBias reads the bias table of a block, or the one that all blocks share. It returns nil if the model has none. The T x T matrix of biases is never made:
// with 1,025 tokens and 16 heads it would take 67 MB for each block in float32.
func (l *loader[T]) blockBias(prefix string) (*relpos.Table[T], error) {
	switch l.config.Bias {
	case arch.BlockBias:
		prefix += "attn."
	case arch.SharedBias:
		prefix = "rel_pos_bias."
	default:
		return nil, nil
	}
	values, err := l.values(prefix + "relative_position_bias_table")
	if err != nil {
		return nil, err
	}
	return relpos.New(l.config, values), nil
}

// qkv reads the layer of queries, keys and values. The bias of the keys, which BEiT does not have, is zero.
func (l *loader[T]) qkv(prefix string) (layer linear[T], err error) {
	dim := l.config.EmbedDim
	weight, err := l.matrix(prefix+"qkv.weight", 3*dim, dim)
	if err != nil {
		return layer, err
	}
	var query, value []T
	if err := l.vectors(map[string]*[]T{prefix + "q_bias": &query, prefix + "v_bias": &value}); err != nil {
		return layer, err
	}
	layer = linear[T]{weight: weight, bias: weight.Line(query), out: 3 * dim, in: dim, round: l.round}
	copy(layer.bias[2*dim:], value)
	return layer, nil
}
