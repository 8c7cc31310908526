package drift

import (
	"math"
	"slices"
)

// Distance says how far the computed values are from the wanted ones. If NonFinite is not 0, then MaxAbs, MaxRel, Mean and RMS are +Inf and Cosine is 0.
type Distance struct {
	// MaxAbs is the largest absolute difference, and At its index.
	MaxAbs float64
	At     int
	// Largest is the largest magnitude among the wanted values.
	Largest float64
	// MaxRel is MaxAbs divided by Largest, or 0 if both are 0.
	MaxRel float64
	// Mean is the mean absolute difference, RMS the root mean square of the differences.
	Mean, RMS float64
	// Cosine is the cosine of the angle between both as vectors; 1 if both are zero.
	Cosine float64
	// NonFinite is the number of indices where either value is NaN or infinite. If there are any, At is the first of them.
	NonFinite int
}

// Meter measures the distance of an activation that is added in pieces. The zero value is ready to use.
type Meter struct {
	seen                                   Distance
	count                                  int
	total, squares, dot, gotNorm, wantNorm float64
}

// Add measures one more piece. got must be as long as want.
func (m *Meter) Add(got, want []float64) {
	got = got[:len(want)]
	total, squares, dot, gotNorm, wantNorm := m.total, m.squares, m.dot, m.gotNorm, m.wantNorm
	largest := m.seen.Largest
	for i, w := range want {
		g := got[i]
		off := math.Abs(g - w)
		if !(off <= math.MaxFloat64) && !m.finite(g, w, m.count+i) { // else they are only too far apart
			continue
		}
		if off > m.seen.MaxAbs && m.seen.NonFinite == 0 {
			m.seen.MaxAbs, m.seen.At = off, m.count+i
		}
		largest = max(largest, math.Abs(w))
		total += off
		squares += off * off
		dot += g * w
		gotNorm += g * g
		wantNorm += w * w
	}
	m.total, m.squares, m.dot, m.gotNorm, m.wantNorm, m.seen.Largest = total, squares, dot, gotNorm, wantNorm, largest
	m.count += len(want)
}

// finite reports whether both values are, and counts them if not.
func (m *Meter) finite(g, w float64, at int) bool {
	if Finite(g) && Finite(w) {
		return true
	}
	if m.seen.NonFinite == 0 {
		m.seen.At = at
	}
	m.seen.NonFinite++
	return false
}

// NonFinite returns the number of indices so far where either value is NaN or infinite.
func (m *Meter) NonFinite() int { return m.seen.NonFinite }

// Distance returns the distance over all pieces so far.
func (m *Meter) Distance() Distance {
	d := m.seen
	if d.NonFinite > 0 {
		d.MaxAbs, d.MaxRel, d.Mean, d.RMS = math.Inf(1), math.Inf(1), math.Inf(1), math.Inf(1)
		return d
	}
	count := float64(max(1, m.count))
	d.Mean, d.RMS = m.total/count, math.Sqrt(m.squares/count)
	if d.MaxAbs > 0 {
		d.MaxRel = d.MaxAbs / d.Largest
	}
	d.Cosine = cosine(m.dot, m.gotNorm, m.wantNorm)
	return d
}

// Compare returns the distance of got from want, which must have the same length.
func Compare(got, want []float64) Distance {
	var m Meter
	m.Add(got, want)
	return m.Distance()
}

// Finite reports whether a value is neither NaN nor infinite.
func Finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// AllFinite reports whether all values are finite.
func AllFinite(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return !Finite(v) })
}

// cosine returns the cosine of an angle from the dot product and both squared norms. It divides twice, because the product of large norms may overflow.
func cosine(dot, a, b float64) float64 {
	if a == 0 && b == 0 {
		return 1
	}
	if a == 0 || b == 0 {
		return 0
	}
	return min(1, max(-1, dot/math.Sqrt(a)/math.Sqrt(b)))
}
