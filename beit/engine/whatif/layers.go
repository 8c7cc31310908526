package whatif

import (
	"context"
	"math"

	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// workers returns how many goroutines pay for that many multiplications.
func (m *Model) workers(multiplications int) int {
	const worthwhile = 1 << 19
	return min(m.threads, 1+multiplications/worthwhile)
}

// multiply computes x Wᵀ.
func (m *Model) multiply(ctx context.Context, x *Rows, w *Tensor) (*Rows, error) {
	out, matrix := w.Shape[0], w.matrix()
	threads := m.workers(x.Count * x.Width * out)
	y := RowsOf(make([]float64, x.Count*out), out)
	left := gemm.NewRows[float64](x.Count, x.Width)
	tiles := left.BlockTiles()
	if err := parallel.Chunks(ctx, threads, left.Tiles(), max(1, tiles/4), func(_, from, to int) { left.Fill(x.Values, x.Width, from, to) }); err != nil {
		return nil, err
	}
	blocks, groups := (left.Tiles()+tiles-1)/tiles, min(threads*4, matrix.Panels())
	err := parallel.Until(ctx, threads, blocks*groups, func(_, i int) {
		block, group := i/groups, i%groups
		from, to := group*matrix.Panels()/groups, (group+1)*matrix.Panels()/groups
		top := block * tiles * left.TileRows()
		part := left.Part(block*tiles, min(left.Tiles(), (block+1)*tiles))
		matrix.MultiplyAdd(y.Values[top*out:min(x.Count, top+tiles*left.TileRows())*out], out, part, from, to)
	})
	return y, err
}

// linear returns x Wᵀ + b; bias may be nil.
func (v *Version) linear(ctx context.Context, x *Rows, weight *Tensor, bias []float64) (*Rows, error) {
	y, err := v.product(ctx, x, weight, v.Rules.Round)
	if err != nil || bias == nil && v.Rules.Round == nil {
		return y, err
	}
	if bias == nil {
		bias = make([]float64, y.Width)
	}
	if v.Rules.Round != nil {
		bias = rounded(bias, v.Rules.Round)
	}
	sum := make([]float64, len(y.Values))
	parallel.Ranges(y.Count, y.Width, func(from, to int) {
		for i := from; i < to; i++ {
			row, shifted := y.Row(i), sum[i*y.Width:(i+1)*y.Width]
			for j, b := range bias[:y.Width] {
				shifted[j] = row[j] + b
			}
		}
	})
	if v.Rules.Round != nil {
		v.Rules.Round(sum)
	}
	return RowsOf(sum, y.Width), nil
}

// normKey identifies a norm of some rows.
type normKey struct {
	x            *Rows
	weight, bias *Tensor
	epsilon      float64
	kind         NormKind
}

// norm normalises each row.
func (v *Version) norm(x *Rows, weight, bias *Tensor, epsilon float64) *Rows {
	if epsilon == 0 {
		epsilon = v.Config.Epsilon
	}
	y, _ := v.remember(normKey{x, weight, bias, epsilon, v.Rules.Norm}, len(x.Values), func() (*Rows, error) { // which returns no error
		y := make([]float64, len(x.Values))
		w, b := weight.Values(), bias.Values()
		parallel.Ranges(x.Count, x.Width, func(from, to int) {
			for i := from; i < to; i++ {
				normalise(y[i*x.Width:(i+1)*x.Width], x.Row(i), w, b, epsilon, v.Rules.Norm)
			}
		})
		return RowsOf(y, x.Width), nil
	})
	return y
}

func normalise(y, x, weight, bias []float64, epsilon float64, kind NormKind) {
	n := float64(len(x))
	mean, squares := 0.0, 0.0
	if kind != RMSNorm && kind != RMSNormAlone {
		for _, v := range x {
			mean += v / n
		}
	}
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	variance := squares / n
	if kind == UnbiasedNorm {
		variance = squares / (n - 1)
	}
	scale := 1 / math.Sqrt(variance+epsilon)
	if kind == OutsideNorm {
		scale = 1 / (math.Sqrt(variance) + epsilon)
	}
	if kind == RMSNormAlone {
		for i, v := range x {
			y[i] = v * scale * weight[i]
		}
		return
	}
	for i, v := range x {
		y[i] = (v-mean)*scale*weight[i] + bias[i]
	}
}

// apply returns the activation of each value; f nil means GELU.
func apply(x *Rows, f func(float64) float64) *Rows {
	y := make([]float64, len(x.Values))
	const cost = 8
	parallel.Ranges(len(y), cost, func(from, to int) {
		if f == nil {
			copy(y[from:to], x.Values[from:to])
			elementary.GELU(y[from:to])
			return
		}
		for i := from; i < to; i++ {
			y[i] = f(x.Values[i])
		}
	})
	return RowsOf(y, x.Width)
}
