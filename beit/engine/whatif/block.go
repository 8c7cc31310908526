package whatif

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// Block is one transformer block of a version.
type Block struct {
	version             *Version
	Norm1, Norm2        Norm
	QKV, Proj, FC1, FC2 Linear
	// Table is that of the block, or the one that all blocks share; nil if there is none.
	Table *Tensor
	// Gamma1 and Gamma2 are nil without layer scale.
	Gamma1, Gamma2 []float64
	// attended are the parameters that the attention branch reads.
	attended [9]*Tensor
}

// Norm has the parameters of a LayerNorm.
type Norm struct{ Weight, Bias *Tensor }

// Linear has the parameters of a linear layer: weight [out, in], bias [out].
type Linear struct {
	Weight *Tensor
	Bias   []float64
}

// Block reads a block. The error is that of reading a parameter.
func (v *Version) Block(i int) (*Block, error) {
	r := &reader{version: v, prefix: fmt.Sprintf("blocks.%d.", i)}
	norm := func(name string) Norm { return Norm{r.tensor(name + ".weight"), r.tensor(name + ".bias")} }
	linear := func(name string) Linear {
		return Linear{r.tensor(name + ".weight"), valuesOf(r.tensor(name + ".bias"))}
	}
	b := &Block{
		version: v, Norm1: norm("norm1"), Norm2: norm("norm2"), Proj: linear("attn.proj"), FC1: linear("mlp.fc1"), FC2: linear("mlp.fc2"),
		Gamma1: valuesOf(r.optional("gamma_1")), Gamma2: valuesOf(r.optional("gamma_2")), Table: r.optional("attn.relative_position_bias_table"),
	}
	if factor := v.Rules.BranchScale; factor != 0 {
		b.Gamma1, b.Gamma2 = multiplied(b.Gamma1, factor, v.Config.EmbedDim), multiplied(b.Gamma2, factor, v.Config.EmbedDim)
	}
	b.QKV.Weight = r.tensor("attn.qkv.weight")
	for _, name := range []string{"attn.q_bias", "attn.k_bias", "attn.v_bias"} {
		bias := valuesOf(r.optional(name))
		if bias == nil {
			bias = make([]float64, v.Config.EmbedDim)
		}
		b.QKV.Bias = append(b.QKV.Bias, bias...)
	}
	if v.Config.Bias == arch.SharedBias && b.Table == nil {
		r.prefix = ""
		b.Table = r.tensor("rel_pos_bias.relative_position_bias_table")
	}
	r.prefix = fmt.Sprintf("blocks.%d.", i)
	b.attended = [...]*Tensor{
		b.Norm1.Weight, b.Norm1.Bias, b.QKV.Weight, r.optional("attn.q_bias"), r.optional("attn.k_bias"), r.optional("attn.v_bias"), b.Table, b.Proj.Weight,
		r.tensor("attn.proj.bias"),
	}
	return b, r.err
}

// multiplied returns a layer scale of that width with a factor; nil means ones.
func multiplied(gamma []float64, factor float64, width int) []float64 {
	out := make([]float64, width)
	for i := range out {
		out[i] = factor
		if gamma != nil {
			out[i] *= gamma[i]
		}
	}
	return out
}

func valuesOf(t *Tensor) []float64 {
	if t == nil {
		return nil
	}
	return t.Values()
}

// Attention returns the attention branch before layer scale, and before a norm that comes after it, [len(rows), C], for the tokens with these indices, from x,
// the stream before the block, [images T, C]. With rows nil it returns all of them. The branch of BEiT's rules is remembered: many versions differ in the MLP alone.
func (b *Block) Attention(ctx context.Context, x *Rows, rows []int) (*Rows, error) {
	if !b.version.Rules.usualAttention() {
		return b.attention(ctx, x, rows)
	}
	key := attentionKey{x: x, parameters: b.attended, count: len(rows)}
	if len(rows) > 0 {
		key.rows = &rows[0]
	}
	return b.version.remember(key, len(x.Values), func() (*Rows, error) { return b.attention(ctx, x, rows) })
}

// attentionKey identifies the attention branch of some rows.
type attentionKey struct {
	x          *Rows
	parameters [9]*Tensor
	rows       *int
	count      int
}

func (b *Block) attention(ctx context.Context, x *Rows, rows []int) (*Rows, error) {
	v := b.version
	qkv, err := b.QKVOf(ctx, x)
	if err != nil {
		return nil, err
	}
	context, err := v.attend(ctx, qkv, b.Table, rows)
	if err != nil || v.Rules.NoProj {
		return context, err
	}
	return v.linear(ctx, context, b.Proj.Weight, b.Proj.Bias)
}

// norm1 returns what qkv reads.
func (b *Block) norm1(x *Rows) *Rows {
	r := b.version.Rules
	if r.Order == NormAfterSum || r.Order == NormAfterBranch || r.NoNorm1 {
		return x
	}
	x = b.version.norm(x, b.Norm1.Weight, b.Norm1.Bias, r.Epsilon1)
	if r.Order == ScaleFirst {
		return scaled(x, b.Gamma1)
	}
	return x
}

// norm2 returns what fc1 reads.
func (b *Block) norm2(x *Rows) *Rows {
	r := b.version.Rules
	if r.Order == NormAfterSum || r.Order == NormAfterBranch || r.NoNorm2 {
		return x
	}
	x = b.version.norm(x, b.Norm2.Weight, b.Norm2.Bias, r.Epsilon2)
	if r.Order == ScaleFirst {
		return scaled(x, b.Gamma2)
	}
	return x
}

// Context returns what Attention has before proj: the sum of values that each token attends to, [len(rows), C], head beside head.
func (b *Block) Context(ctx context.Context, x *Rows, rows []int) (*Rows, error) {
	qkv, err := b.QKVOf(ctx, x)
	if err != nil {
		return nil, err
	}
	return b.version.attend(ctx, qkv, b.Table, rows)
}

// QKVOf returns queries, keys and values of all tokens, [images T, 3C], before the queries are scaled.
func (b *Block) QKVOf(ctx context.Context, x *Rows) (*Rows, error) {
	if b.version.Rules.Order == MLPFirst {
		mlp, err := b.MLP(ctx, x)
		if err != nil {
			return nil, err
		}
		x = add(x, mlp, b.Gamma2)
	}
	return b.version.linear(ctx, b.norm1(x), b.QKV.Weight, b.QKV.Bias)
}

// Middle returns the stream between both branches, y, from x and the attention branch, which have the same tokens.
func (b *Block) Middle(x, branch *Rows) *Rows {
	return b.join(x, branch, b.Gamma1, b.Norm1, b.version.Rules.Epsilon1, NoFirstResidual)
}

// join adds a branch to the stream. lonely is the order in which the stream before the branch is lost.
func (b *Block) join(x, branch *Rows, gamma []float64, norm Norm, epsilon float64, lonely Order) *Rows {
	v := b.version
	switch v.Rules.Order {
	case lonely:
		return scaled(branch, gamma)
	case NormAfterBranch:
		return add(x, v.norm(branch, norm.Weight, norm.Bias, epsilon), gamma)
	case NormAfterSum:
		return v.norm(add(x, branch, gamma), norm.Weight, norm.Bias, epsilon)
	case ScaleAfterSum:
		return scaled(add(x, branch, nil), gamma)
	case ScaleFirst:
		return add(x, branch, nil)
	case ResidualOfNorm:
		return add(v.norm(x, norm.Weight, norm.Bias, epsilon), branch, gamma)
	}
	return add(x, branch, gamma)
}

// Hidden returns the values inside the MLP, [len(y), HiddenDim], before and after the activation. in is what the MLP reads: y, or x for SideBySide and MLPFirst.
func (b *Block) Hidden(ctx context.Context, in *Rows) (before, after *Rows, err error) {
	v := b.version
	if before, err = v.linear(ctx, b.norm2(in), b.FC1.Weight, b.FC1.Bias); err != nil {
		return nil, nil, err
	}
	return before, apply(before, v.Rules.Activation), nil
}

// MLP returns the MLP branch before layer scale. in is as for Hidden.
func (b *Block) MLP(ctx context.Context, in *Rows) (*Rows, error) {
	v := b.version
	_, hidden, err := b.Hidden(ctx, in)
	if err != nil {
		return nil, err
	}
	return v.linear(ctx, hidden, b.FC2.Weight, b.FC2.Bias)
}

// End returns the stream after the block, z, from the one in the middle and the MLP branch.
func (b *Block) End(y, branch *Rows) *Rows {
	return b.join(y, branch, b.Gamma2, b.Norm2, b.version.Rules.Epsilon2, NoSecondResidual)
}

// Finish returns the stream after the block from x and the attention branch, which have the same tokens.
func (b *Block) Finish(ctx context.Context, x, branch *Rows) (*Rows, error) {
	if b.version.Rules.Order == NoBlock {
		return x, nil
	}
	y := b.Middle(x, branch)
	in := y
	if o := b.version.Rules.Order; o == SideBySide || o == MLPFirst {
		in = x
	}
	mlp, err := b.MLP(ctx, in)
	if err != nil {
		return nil, err
	}
	return b.End(y, mlp), nil
}

// Stream returns the stream after the block for the tokens with these indices, or all of them, from the one before.
func (b *Block) Stream(ctx context.Context, x *Rows, rows []int) (*Rows, error) {
	branch, err := b.Attention(ctx, x, rows)
	if err != nil {
		return nil, err
	}
	if rows != nil {
		x = x.Pick(rows)
	}
	return b.Finish(ctx, x, branch)
}

// add returns x + gamma branch; gamma nil means ones.
func add(x, branch *Rows, gamma []float64) *Rows {
	sum := make([]float64, len(x.Values))
	parallel.Ranges(x.Count, x.Width, func(from, to int) {
		for i := from; i < to; i++ {
			row, other, out := x.Row(i), branch.Row(i), sum[i*x.Width:(i+1)*x.Width]
			for j, v := range row {
				if gamma == nil {
					out[j] = v + other[j]
				} else {
					out[j] = v + gamma[j]*other[j]
				}
			}
		}
	})
	return RowsOf(sum, x.Width)
}

// scaled returns gamma x; gamma nil means ones.
func scaled(x *Rows, gamma []float64) *Rows {
	if gamma == nil {
		return x
	}
	product := make([]float64, len(x.Values))
	for i, v := range x.Values {
		product[i] = v * gamma[i%x.Width]
	}
	return RowsOf(product, x.Width)
}

// NormedMLP returns what fc1 reads: norm2 of the stream.
func (b *Block) NormedMLP(y *Rows) *Rows { return b.norm2(y) }
