package whatif

import (
	"context"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
)

// Input is what a model sees, in float64: pixels [N, channels, H, W], and the mask [N, patches], or nil.
type Input struct {
	Pixels []float64
	Mask   []bool
}

// InputOf returns an input in float64.
func InputOf(input engine.Input) Input {
	pixels := make([]float64, len(input.Pixels))
	for i, v := range input.Pixels {
		pixels[i] = float64(v)
	}
	return Input{pixels, input.Mask}
}

// Embed returns the tokens before the first block, [images T, C].
func (v *Version) Embed(ctx context.Context, input Input) (*Rows, error) {
	r := &reader{version: v}
	kernel, bias, class := r.tensor("patch_embed.proj.weight"), r.tensor("patch_embed.proj.bias"), valuesOf(r.tensor("cls_token"))
	mask, position := valuesOf(r.optional("mask_token")), valuesOf(r.optional("pos_embed"))
	if r.err != nil {
		return nil, r.err
	}
	patches, err := v.linear(ctx, v.patches(input.Pixels), kernel, bias.Values())
	if err != nil {
		return nil, err
	}
	c, count := v.Config.EmbedDim, v.Config.Patches()
	out := make([]float64, 0, patches.Count/count*(count+1)*c)
	for from := 0; from < patches.Count; from += count {
		tokens := slices.Concat(class, patches.Values[from*c:(from+count)*c])
		for p := range count {
			if input.Mask != nil && mask != nil && input.Mask[from+p] {
				copy(tokens[(p+1)*c:], mask)
			}
		}
		if v.Rules.ClassLast {
			tokens = slices.Concat(tokens[c:], tokens[:c])
		}
		for i, p := range position {
			if i >= c || !v.Rules.NoClassPosition {
				tokens[i] += p
			}
		}
		out = append(out, tokens...)
	}
	return RowsOf(out, c), nil
}

// patches returns a row [channels, P, P] for each patch, in the order of the tokens.
func (v *Version) patches(pixels []float64) *Rows {
	c := v.Config
	down, across := c.Window()
	size, area := c.PatchSize, c.ImageHeight*c.ImageWidth
	lines := make([]float64, 0, len(pixels))
	for image := range slices.Chunk(pixels, c.Channels*area) {
		for p := range down * across {
			row, column := p/across, p%across
			switch {
			case v.Rules.Down:
				row, column = p%down, p/down
			case v.Rules.Backwards:
				row, column = down-1-row, across-1-column
			}
			for channel := range c.Channels {
				for y := range size {
					at := channel*area + (row*size+y)*c.ImageWidth + column*size
					lines = append(lines, image[at:at+size]...)
				}
			}
		}
	}
	return RowsOf(lines, c.Channels*size*size)
}

// Pool returns the input of the head, [images, C], or [images patches, C] for masked image modelling, from the stream after the last block.
func (v *Version) Pool(x *Rows) (*Rows, error) {
	pooled, err := v.pool(x)
	if err != nil || !v.Rules.UnitPool {
		return pooled, err
	}
	return ofLength1(pooled), nil
}

// ofLength1 returns rows divided by their lengths.
func ofLength1(x *Rows) *Rows {
	out := slices.Clone(x.Values)
	for row := range slices.Chunk(out, x.Width) {
		squares := 0.0
		for _, v := range row {
			squares += v * v
		}
		for i := range row {
			row[i] /= max(math.Sqrt(squares), 1e-12)
		}
	}
	return RowsOf(out, x.Width)
}

func (v *Version) pool(x *Rows) (*Rows, error) {
	r := &reader{version: v, prefix: v.Config.NormName() + "."}
	last := Norm{r.tensor("weight"), r.tensor("bias")}
	if r.err != nil {
		return nil, r.err
	}
	norm := func(x *Rows) *Rows {
		if v.Rules.NoLastNorm {
			return x
		}
		return v.norm(x, last.Weight, last.Bias, v.Rules.EpsilonLast)
	}
	kind := v.Rules.Pool
	if kind == AsConfigured {
		switch v.Config.Pooling {
		case arch.MeanPooling:
			kind = PoolMean
		case arch.ClassToken:
			kind = PoolClass
		case arch.AllTokens, arch.PatchTokens:
			return norm(v.each(x, func(image *Rows) []float64 { return image.Values[image.Width:] })), nil
		}
	}
	switch kind {
	case PoolNormFirst, PoolNormFirstOfAll:
		return v.each(norm(x), pools[kind]), nil
	}
	return norm(v.each(x, pools[kind])), nil
}

// each returns what pick returns for the tokens of each image.
func (v *Version) each(x *Rows, pick func(image *Rows) []float64) *Rows {
	var out []float64
	for image := range slices.Chunk(x.Values, v.Config.Tokens()*x.Width) {
		out = append(out, pick(RowsOf(image, x.Width))...)
	}
	return RowsOf(out, x.Width)
}

// pools has the pooling of one image's tokens for each kind.
var pools = map[PoolKind]func(*Rows) []float64{
	PoolMean:           func(x *Rows) []float64 { return sum(x, 1, float64(x.Count-1)) },
	PoolNormFirst:      func(x *Rows) []float64 { return sum(x, 1, float64(x.Count-1)) },
	PoolMeanOfAll:      func(x *Rows) []float64 { return sum(x, 0, float64(x.Count)) },
	PoolNormFirstOfAll: func(x *Rows) []float64 { return sum(x, 0, float64(x.Count)) },
	PoolSum:            func(x *Rows) []float64 { return sum(x, 1, 1) },
	PoolClass:          func(x *Rows) []float64 { return x.Row(0) },
	PoolLast:           func(x *Rows) []float64 { return x.Row(x.Count - 1) },
	PoolFirstPatch:     func(x *Rows) []float64 { return x.Row(min(1, x.Count-1)) },
	PoolMeanAndClass: func(x *Rows) []float64 {
		total := sum(x, 1, float64(x.Count-1))
		for i, v := range x.Row(0) {
			total[i] += v
		}
		return total
	},
	PoolMax: func(x *Rows) []float64 {
		largest := slices.Clone(x.Row(min(1, x.Count-1)))
		for p := 2; p < x.Count; p++ {
			for i, v := range x.Row(p) {
				largest[i] = max(largest[i], v)
			}
		}
		return largest
	},
}

// sum returns the sum of the tokens from first on, divided by count.
func sum(x *Rows, first int, count float64) []float64 {
	total := make([]float64, x.Width)
	for p := first; p < x.Count; p++ {
		for i, v := range x.Row(p) {
			total[i] += v
		}
	}
	for i := range total {
		total[i] /= count
	}
	return total
}

// Logits returns what the head computes from pooled vectors, [pooled.Count, Classes].
func (v *Version) Logits(ctx context.Context, pooled *Rows) (*Rows, error) {
	r := &reader{version: v, prefix: v.Config.HeadName() + "."}
	weight, bias := r.tensor("weight"), valuesOf(r.tensor("bias"))
	if r.err != nil {
		return nil, r.err
	}
	if v.Rules.UnitHead {
		pooled = ofLength1(pooled)
	}
	logits, err := v.linear(ctx, pooled, weight, bias)
	if err != nil || v.Rules.Output == Logits {
		return logits, err
	}
	out := slices.Clone(logits.Values)
	for line := range slices.Chunk(out, logits.Width) {
		v.Rules.Output.change(line)
	}
	return RowsOf(out, logits.Width), nil
}

// change changes the logits of one row, in place.
func (k OutputKind) change(line []float64) {
	if k == Sigmoid {
		for i, v := range line {
			line[i] = 1 / (1 + math.Exp(-v))
		}
		return
	}
	elementary.Softmax(line)
	if k == LogSoftmax {
		for i, v := range line {
			line[i] = math.Log(v)
		}
	}
}
