package blame

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// inTaps returns the mistakes in which blocks UPerNet taps.
func inTaps(config arch.Config) []mistake {
	var all []mistake
	for _, shift := range []int{-2, -1, 1, 2} {
		taps, possible := config.Segmentation.Taps, true
		for i, t := range taps {
			taps[i] = t + arch.Tap(shift)
			possible = possible && taps[i] >= arch.TapEmbed && int(taps[i]) < config.Depth
		}
		if !possible {
			continue
		}
		says := fmt.Sprintf("the tensors are the same, but the reference taps blocks %s where this model taps %s (counted from 0)", arch.FormatTaps(taps),
			arch.FormatTaps(config.Segmentation.Taps))
		advice := "tap the same blocks on both sides"
		switch shift {
		case -2:
			says += ", as BeitForSemanticSegmentation of transformers does with unilm's numbers"
			advice = "write the model as UperNetForSemanticSegmentation, which taps what unilm taps (convert --to hf)"
		case -1:
			says += ", as BeitBackbone of transformers does with unilm's numbers"
			advice = "raise each of out_indices of transformers' BeitBackbone by one"
		}
		all = append(all, mistake{name: "taps", says: says, side: Program, advice: advice, apply: func(d *stageDraft) bool {
			d.config.Segmentation.Taps, d.whole = taps, true
			return true
		}})
	}
	return all
}

// inNecks returns the mistakes in what stands behind the blocks of UPerNet.
func inNecks(config arch.Config) []mistake {
	params := config.Params()
	edited := func(ending string, change changeFunc) func(d *stageDraft) bool {
		return func(d *stageDraft) bool {
			done := false
			for _, p := range params {
				if strings.HasSuffix(p.Name, ending) {
					done = d.edit(p.Name, change) || done
				}
			}
			return done
		}
	}
	constant := func(value float64) changeFunc {
		return func(values []float64, _ tensor.Shape) []float64 {
			return each(values, func(float64) float64 { return value })
		}
	}
	return []mistake{
		{
			name: "batch-norm", says: "the statistics of the batch norms are left out: means of 0 and variances of 1", repair: "the statistics of a new batch norm", side: Either,
			advice: "load running_mean and running_var, and call eval() in PyTorch",
			apply: func(d *stageDraft) bool {
				one := edited(".running_mean", constant(0))(d)
				return edited(".running_var", constant(1))(d) || one
			},
		},
		{
			name: "axes", says: "the kernels of the necks (transposed convolutions) have their first two axes exchanged", repair: "the first two axes exchanged", side: Either,
			advice: "the weight of a transposed convolution is [in, out, 2, 2] in PyTorch and in Paddle", apply: func(d *stageDraft) bool {
				done := false
				for _, name := range []string{"fpn1.0.weight", "fpn1.3.weight", "fpn2.0.weight"} {
					done = d.edit(name, exchangedAxes) || done
				}
				return done
			},
		},
	}
}

// exchangedAxes exchanges the first two axes of a kernel, [C, C, 2, 2].
func exchangedAxes(values []float64, shape tensor.Shape) []float64 {
	channels, area := shape[0], shape[2]*shape[3]
	out := make([]float64, len(values))
	for i := range channels {
		for o := range channels {
			copy(out[(o*channels+i)*area:][:area], values[(i*channels+o)*area:])
		}
	}
	return out
}
