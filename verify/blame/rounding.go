package blame

import (
	"context"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/verify/drift"
)

// The limit of a target is what rounding leaves of the model as it is. A model without the fault rounds by another amount: with a kernel in the right order, say,
// its activations are larger. So the limit of a draft that comes near is that of the model, times how much more it rounds in float32.

const (
	// within is how many limits from the reference a draft may be if its own rounding is to be measured.
	within = 64
	// much is the share of the difference that a draft may leave if its limit is to be another than that of the model.
	much = 1e-3
)

// float32s rounds values to float32.
func float32s(values []float64) {
	for i, v := range values {
		values[i] = float64(float32(v))
	}
}

// rounding returns how far float32 leads a draft from itself in float64.
func (t *target) rounding(ctx context.Context, d *draft) (drift.Distance, error) {
	exact, err := t.compute(ctx, d)
	if err != nil {
		return drift.Distance{}, err
	}
	rough := d.copied()
	rough.Rules.Round, rough.Rules.RoundScores = float32s, float32s
	rounded, err := t.compute(ctx, rough)
	if err != nil || len(rounded.Values) != len(exact.Values) {
		return drift.Distance{}, err
	}
	return drift.Compare(rounded.Values, exact.Values), nil
}

// widened returns the limit for a draft that is that far from the reference, if it rounds more than the model as it is.
func (t *target) widened(ctx context.Context, d *draft, distance drift.Distance, limit Limit) (Limit, error) {
	share := limit.share(distance)
	if !(share > 1 && share <= within && distance.RMS <= much*t.without.RMS) || d.Rules.Round != nil {
		return limit, nil
	}
	if t.noise == nil {
		own, err := t.rounding(ctx, t.start)
		if err != nil {
			return limit, err
		}
		t.noise = &own
	}
	noise, err := t.rounding(ctx, d)
	if err != nil || t.noise.RMS == 0 || t.noise.MaxAbs == 0 {
		return limit, err
	}
	limit.RMS *= max(1, noise.RMS/t.noise.RMS)
	limit.Max *= max(1, noise.MaxAbs/t.noise.MaxAbs)
	return limit, nil
}

// multiplied returns parameters whose values follow from a product that was stored in float32: those that are restored, and those that a layer scale was
// multiplied into, which hold the product.
func multiplied(names []string) []string {
	all := slices.Clone(names)
	for _, name := range names {
		for gamma, layer := range map[string]string{"gamma_1": "attn.proj", "gamma_2": "mlp.fc2"} {
			if place, found := strings.CutSuffix(name, gamma); found {
				all = append(all, place+layer+".weight", place+layer+".bias")
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
