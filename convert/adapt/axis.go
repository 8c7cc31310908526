package adapt

import "math"

// The ratio of the geometric positions is looked for between these bounds, to this width (microsoft/unilm beit/run_class_finetuning.py).
const (
	leastRatio     = 1.01
	greatestRatio  = 1.5
	ratioPrecision = 1e-6
)

// ratio returns q such that about n steps of lengths 1, q, q*q, ... reach reach: the last midpoint that a bisection tries. Where no q within the bounds does,
// it is the nearer bound.
func ratio(n, reach int) float64 {
	left, right := leastRatio, greatestRatio
	var q float64
	for right-left > ratioPrecision {
		q = (left + right) / 2
		if sum := (1 - math.Pow(q, float64(n))) / (1 - q); sum > float64(reach) {
			right = q
		} else {
			left = q
		}
	}
	return q
}

// axis maps the offsets between patches along one axis, from those of a window to those of another.
type axis struct {
	// from are the positions of the known values, rising and symmetric; to are those of the wanted ones, the whole numbers between -n and n.
	from, to []float64
}

// newAxis returns the axis between windows of two numbers of patches. Near 0 the positions lie 1 apart, farther out ever more, so that the values of a
// smaller window spread over a larger one and those of neighbours stay where they are.
func newAxis(source, target int) axis {
	n := source - 1 // floor of half of the 2*source-1 offsets
	q := ratio(n, target-1)
	a := axis{from: make([]float64, 2*n+1), to: make([]float64, 2*target-1)}
	position := 1.0
	for i := range n {
		a.from[n+1+i], a.from[n-1-i] = position, -position
		position += math.Pow(q, float64(i+1))
	}
	for i := range a.to {
		a.to[i] = float64(i - (target - 1))
	}
	return a
}

// segment returns i such that x lies between from[i] and from[i+1], and x itself, clamped to the ends. There must be two positions at least.
func (a axis) segment(x float64) (i int, clamped float64) {
	last := len(a.from) - 1
	x = min(max(x, a.from[0]), a.from[last])
	for i < last-1 && x > a.from[i+1] {
		i++
	}
	return i, x
}

// sum is a wanted value as a sum of known ones.
type sum []term

type term struct {
	at     int
	weight float64
}

// kept returns the sums that leave n values as they are.
func kept(n int) []sum {
	all := make([]sum, n)
	for i := range all {
		all[i] = sum{{i, 1}}
	}
	return all
}

// linear returns a sum for each wanted position: linear between its neighbours, the value at the end beyond it.
func (a axis) linear() []sum {
	sums := make([]sum, len(a.to))
	for i, x := range a.to {
		if len(a.from) == 1 {
			sums[i] = sum{{0, 1}}
			continue
		}
		at, x := a.segment(x)
		width := a.from[at+1] - a.from[at]
		sums[i] = sum{{at, (a.from[at+1] - x) / width}, {at + 1, (x - a.from[at]) / width}}
	}
	return sums
}

// spline evaluates cubic splines through values at the positions of an axis. Their third derivative is continuous at the second and the last but one
// position ("not a knot"), as in FITPACK, which SciPy uses.
type spline struct {
	axis
	// gaps are the distances between positions. factor and pivot are the Gaussian elimination of the equations for the slopes, done once.
	gaps, factor, pivot []float64
	// segments has for each wanted position where it lies.
	segments []place
}

type place struct {
	segment int
	// basis are the values of the four cubic polynomials of Hermite that belong to the values and slopes at both ends.
	basis [4]float64
}

// minSpline is the least number of positions of a spline.
const minSpline = 4

func newSpline(a axis) *spline {
	n := len(a.from)
	s := &spline{axis: a, gaps: make([]float64, n-1), factor: make([]float64, n), pivot: make([]float64, n)}
	for i := range s.gaps {
		s.gaps[i] = a.from[i+1] - a.from[i]
	}
	h := s.gaps
	// Row i of the equations is lower[i], diagonal[i], upper[i].
	s.pivot[0] = h[1]
	for i := 1; i < n; i++ {
		lower, diagonal := h[min(i, n-2)], 0.0
		if i < n-1 {
			diagonal = 2 * (h[i-1] + h[i])
		} else {
			lower, diagonal = h[n-2]+h[n-3], h[n-3]
		}
		s.factor[i] = lower / s.pivot[i-1]
		s.pivot[i] = diagonal - float64(s.factor[i]*s.upper(i-1))
	}
	for _, x := range a.to {
		s.segments = append(s.segments, s.place(x))
	}
	return s
}

// upper returns the coefficient right of the diagonal in row i.
func (s *spline) upper(i int) float64 {
	if i == 0 {
		return s.gaps[0] + s.gaps[1]
	}
	return s.gaps[i-1]
}

func (s *spline) place(x float64) place {
	i, x := s.segment(x)
	width := s.gaps[i]
	t := (x - s.from[i]) / width
	u := 1 - t
	return place{i, [4]float64{
		float64(u*u) * (1 + 2*t), float64(t*t) * (1 + 2*u),
		float64(float64(u*u)*t) * width, -float64(float64(t*t)*u) * width,
	}}
}

// evaluate writes the values at the wanted positions to out, and reads those at the known ones from in; both have a stride.
func (s *spline) evaluate(out []float64, outStride int, in []float64, inStride int) {
	n, h, slopes := len(s.from), s.gaps, make([]float64, len(s.from))
	rise := func(i int) float64 { return (in[(i+1)*inStride] - in[i*inStride]) / h[i] }
	end := func(near, far, nearRise, farRise float64) float64 {
		both := near + far
		return (float64(float64((near+2*both)*far)*nearRise) + float64(float64(near*near)*farRise)) / both
	}
	slopes[0] = end(h[0], h[1], rise(0), rise(1))
	for i := 1; i < n; i++ {
		var right float64
		if i < n-1 {
			right = 3 * (float64(h[i]*rise(i-1)) + float64(h[i-1]*rise(i)))
		} else {
			right = end(h[n-2], h[n-3], rise(n-2), rise(n-3))
		}
		slopes[i] = right - float64(s.factor[i]*slopes[i-1])
	}
	slopes[n-1] /= s.pivot[n-1]
	for i := n - 2; i >= 0; i-- {
		slopes[i] = (slopes[i] - float64(s.upper(i)*slopes[i+1])) / s.pivot[i]
	}
	for at, p := range s.segments {
		i := p.segment
		out[at*outStride] = float64(p.basis[0]*in[i*inStride]) + float64(p.basis[1]*in[(i+1)*inStride]) +
			float64(p.basis[2]*slopes[i]) + float64(p.basis[3]*slopes[i+1])
	}
}
