package blame

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/tensor"
)

// solveEmbed solves for the vectors that are added before the first block: the class token, the bias of the patches, the token of masked ones, and positions,
// which can be told from what the images show if there are several.
func solveEmbed(ctx context.Context, t *target, d *draft) ([]hypothesis, error) {
	got, err := t.compute(ctx, d)
	if err != nil || len(got.Values) != len(t.want.Values) {
		return nil, err
	}
	difference, tokens := subtract(t.want, got), d.Config.Tokens()
	masked := func(i int) bool {
		return d.input.Mask != nil && i%tokens > 0 && d.input.Mask[i/tokens*(tokens-1)+i%tokens-1]
	}
	var all []hypothesis
	for _, v := range []struct {
		parameter string
		reads     func(i int) bool
	}{
		{"cls_token", func(i int) bool { return i%tokens == 0 }},
		{"patch_embed.proj.bias", func(i int) bool { return i%tokens > 0 && !masked(i) }},
		{"mask_token", masked},
	} {
		old, err := d.vector(v.parameter)
		if err != nil {
			return nil, err
		}
		if mean := meanRow(difference, v.reads); old != nil && mean != nil {
			all = append(all, d.recognised(ctx, t, atEmbed, v.parameter, sum(old, mean))...)
		}
	}
	positions, err := solvePositions(ctx, t, d, difference)
	return append(all, positions...), err
}

// solvePositions solves for pos_embed, or finds that the model lacks it.
func solvePositions(ctx context.Context, t *target, d *draft, difference *whatif.Rows) ([]hypothesis, error) {
	const fewest = 2
	tokens := d.Config.Tokens()
	if difference.Count < fewest*tokens {
		return nil, nil
	}
	var values []float64
	for token := range tokens {
		values = append(values, meanRow(difference, func(i int) bool { return i%tokens == token })...)
	}
	old, err := d.vector("pos_embed")
	if err != nil || old != nil {
		return d.recognised(ctx, t, atEmbed, "pos_embed", sum(old, values)), err
	}
	lacking := hypothesis{name: "lacks-positions", at: embed, says: "it adds a position embedding, pos_embed, which the model lacks", apply: func(d *draft) bool {
		d.Set("pos_embed", whatif.NewTensor(tensor.Shape{1, tokens, difference.Width}, values))
		return true
	}}
	lacking.advice = "take pos_embed from another copy of the checkpoint, and configure the model with absolute positions"
	return []hypothesis{lacking}, nil
}

// meanRow returns the mean of some rows, or nil if there are none.
func meanRow(x *whatif.Rows, which func(i int) bool) []float64 {
	total, count := make([]float64, x.Width), 0
	for i := range x.Count {
		if !which(i) {
			continue
		}
		count++
		for c, v := range x.Row(i) {
			total[c] += v
		}
	}
	if count == 0 {
		return nil
	}
	return each(total, func(v float64) float64 { return v / float64(count) })
}

func sum(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i, v := range a {
		out[i] = v + b[i]
	}
	return out
}
