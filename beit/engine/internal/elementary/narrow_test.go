package elementary

import (
	"math"
	"testing"
)

// narrowWorst are the largest errors among values of float32, in units of the last place: of exp, of GELU above -1, and of GELU below, where the result is small and its
// units are far below those of the argument.
type narrowWorst struct{ exp, gelu, below narrowError }

type narrowError struct {
	ulps float64
	at   float32
}

func (e *narrowError) add(got float32, want float64, at float32) {
	nearest := float32(want)
	if math.IsInf(float64(nearest), 0) || nearest != nearest || got != got {
		if got != nearest && (got == got || nearest == nearest) {
			*e = narrowError{math.Inf(1), at}
		}
		return
	}
	unit := float64(math.Nextafter32(float32(math.Abs(float64(nearest))), float32(math.Inf(1)))) - math.Abs(float64(nearest))
	if off := math.Abs(float64(got)-want) / unit; off > e.ulps {
		*e = narrowError{off, at}
	}
}

// narrowErrors compares with float64 those values whose bits are from and every step-th after that, before to.
func narrowErrors(from, to, step uint64) (worst narrowWorst) {
	const piece = 4096
	values, power, gelu := make([]float32, 0, piece), make([]float32, piece), make([]float32, piece)
	wide, wideGELU := make([]float64, piece), make([]float64, piece)
	for bits := from; bits < to; {
		values = values[:0]
		for ; bits < to && len(values) < piece; bits += step {
			values = append(values, math.Float32frombits(uint32(bits)))
		}
		n := len(values)
		copy(power, values)
		copy(gelu, values)
		for i, v := range values {
			wide[i], wideGELU[i] = float64(v), float64(v)
		}
		Exp(power[:n], 0)
		GELU(gelu[:n])
		Exp(wide[:n], 0)
		GELU(wideGELU[:n])
		for i, v := range values {
			worst.exp.add(power[i], wide[i], v)
			if v < -1 {
				worst.below.add(gelu[i], wideGELU[i], v)
			} else {
				worst.gelu.add(gelu[i], wideGELU[i], v)
			}
		}
	}
	return worst
}

// check fails where an error is larger than doc.go says.
func (w narrowWorst) check(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		name  string
		worst narrowError
		most  float64
	}{{"exp", w.exp, 1}, {"GELU", w.gelu, 3}, {"GELU below -1", w.below, 7}} {
		if c.worst.ulps > c.most {
			t.Errorf("%s of %v is off by %.3f units of the last place, want at most %v", c.name, c.worst.at, c.worst.ulps, c.most)
		}
		t.Logf("%s: at most %.3f units, at %v", c.name, c.worst.ulps, c.worst.at)
	}
}

// TestNarrow_WithinUlps takes one of some ten thousand values; make exhaustive takes all.
func TestNarrow_WithinUlps(t *testing.T) {
	t.Parallel()
	narrowErrors(0, 1<<32, 9973).check(t)
}
