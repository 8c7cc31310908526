package probe

import (
	"context"
	"math"
	"runtime"
	"slices"

	"github.com/beitzoo/beitzoo/internal/parallel"
)

// minimiser finds the minimum of the penalised cross-entropy by L-BFGS (J. Nocedal, "Updating quasi-Newton matrices with limited storage", 1980). Its first guess of the
// curvature is that of features that are correlated as these are, for probabilities that are all alike; without it, many times as many steps are needed.
type minimiser struct {
	data    *Data
	classes int
	threads int
	penalty float64
	// at is where the search is: weights, [classes, width], then biases; value and gradient are those there.
	at, gradient []float64
	value        float64
	// residuals is [pictures, classes]: probabilities, less 1 for the right class. losses has that of each picture.
	residuals, losses []float64
	// products is the mean of the products of features, [width, width], and guess the guess of the curvature, factorised.
	products []float64
	guess    *cholesky
	// steps and changes are the last moves, and how they changed the gradient, oldest first.
	steps, changes [][]float64
	iterations     int
}

// remembered is how many moves make the estimate of the curvature.
const remembered = 20

// mostIterations ends a search that does not find its minimum.
const mostIterations = 5000

func newMinimiser(d *Data, classes, threads int) *minimiser {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	size := classes*d.Width + classes
	m := &minimiser{
		data: d, classes: classes, threads: threads, at: make([]float64, size),
		residuals: make([]float64, d.Len()*classes), losses: make([]float64, d.Len()), products: make([]float64, d.Width*d.Width),
	}
	m.eachBlock(d.Width, func(j, from, to int) {
		for i := from; i < to; i++ {
			add(m.products[j*d.Width:(j+1)*d.Width], d.row(i), d.row(i)[j]/float64(d.Len()))
		}
	})
	return m
}

// eachBlock calls do for each of n sums over pictures, on several goroutines, with the pictures from one to another: for each sum with all of them, in their order. The
// pictures of a block are in the cache for many sums.
func (m *minimiser) eachBlock(n int, do func(sum, from, to int)) {
	const block = 64
	_ = parallel.Chunks(context.Background(), m.threads, n, (n+m.threads-1)/m.threads, func(_, first, last int) { // which does not end
		for from := 0; from < m.data.Len(); from += block {
			for sum := first; sum < last; sum++ {
				do(sum, from, min(from+block, m.data.Len()))
			}
		}
	})
}

// flatness is the curvature of the cross-entropy along one logit, if all classes are equally probable.
func (m *minimiser) flatness() float64 {
	k := float64(m.classes)
	return (k - 1) / (k * k)
}

// guessed multiplies a vector by the inverse of the guess of the curvature, in place.
func (m *minimiser) guessed(d []float64) {
	width := m.data.Width
	parallel.For(m.threads, m.classes, func(_, k int) { m.guess.solve(d[k*width : (k+1)*width]) })
	for k := m.classes * width; k < len(d); k++ {
		d[k] /= m.flatness()
	}
}

// head returns the classifier where the search is, for the scaled features.
func (m *minimiser) head() *Head {
	weights := m.classes * m.data.Width
	return &Head{m.classes, m.data.Width, slices.Clone(m.at[:weights]), slices.Clone(m.at[weights:])}
}

// minimise goes from where the search is to where no component of the gradient is larger than a bound. If rounding ends the search before, that is good enough
// within a thousand times the bound; farther off it is a *[ConvergenceError].
func (m *minimiser) minimise(ctx context.Context, penalty, bound float64) error {
	m.penalty, m.iterations = penalty, 0
	m.steps, m.changes = nil, nil
	m.guess = newCholesky(m.products, m.data.Width, m.flatness(), penalty)
	m.value, m.gradient = m.evaluate(m.at) //nolint:contextcheck // a step takes less than a second, and ctx is asked between them
	for ; largest(m.gradient) > bound; m.iterations++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if m.iterations == mostIterations || !m.step() { //nolint:contextcheck // a step takes less than a second, and ctx is asked between them
			if off := largest(m.gradient); off > 1000*bound {
				return &ConvergenceError{penalty, off, m.iterations}
			}
			return nil
		}
	}
	return ctx.Err()
}

// step makes one move. It reports whether it found a better place.
func (m *minimiser) step() bool {
	direction := m.direction()
	slope := dot(direction, m.gradient)
	if !(slope < 0) { // only by rounding: then downhill
		m.steps, m.changes = nil, nil
		direction = m.direction()
		slope = dot(direction, m.gradient)
	}
	length, place, value, gradient := m.search(direction, slope)
	if length == 0 {
		if m.steps == nil {
			return false
		}
		m.steps, m.changes = nil, nil // once more, without the estimate of the curvature
		return m.step()
	}
	move, change := make([]float64, len(place)), make([]float64, len(place))
	for i := range place {
		move[i], change[i] = place[i]-m.at[i], gradient[i]-m.gradient[i]
	}
	m.at, m.value, m.gradient = place, value, gradient
	if dot(move, change) <= 1e-14*dot(change, change) {
		return true
	}
	if len(m.steps) == remembered {
		m.steps, m.changes = m.steps[1:], m.changes[1:]
	}
	m.steps, m.changes = append(m.steps, move), append(m.changes, change)
	return true
}

// direction returns where L-BFGS goes next: minus the gradient, times the estimate of the inverse of the curvature.
func (m *minimiser) direction() []float64 {
	d := slices.Clone(m.gradient)
	factors := make([]float64, len(m.steps))
	for i := len(m.steps) - 1; i >= 0; i-- {
		factors[i] = dot(m.steps[i], d) / dot(m.steps[i], m.changes[i])
		add(d, m.changes[i], -factors[i])
	}
	m.guessed(d)
	if last := len(m.steps) - 1; last >= 0 {
		change := slices.Clone(m.changes[last])
		m.guessed(change)
		scale := dot(m.steps[last], m.changes[last]) / dot(m.changes[last], change)
		for i := range d {
			d[i] *= scale
		}
	}
	for i, s := range m.steps {
		add(d, s, factors[i]-dot(m.changes[i], d)/dot(m.steps[i], m.changes[i]))
	}
	for i := range d {
		d[i] = -d[i]
	}
	return d
}

// The conditions of Wolfe for a move: how much of what the slope promises the value must fall, and how much of its steepness the slope may keep.
const (
	enoughFall  = 1e-4
	keptSlope   = 0.9
	mostLengths = 60
)

// search returns a length of the move along a direction that fulfils the conditions of Wolfe, by doubling and halving. Where the value can't be told from that at
// the start, its slope decides, as W. W. Hager and H. Zhang propose ("A new conjugate gradient method with guaranteed descent", 2005). The length is 0 if there is
// none.
func (m *minimiser) search(direction []float64, slope float64) (length float64, place []float64, value float64, gradient []float64) {
	low, high, length := 0.0, math.Inf(1), 1.0
	rounding := 1e-14 * math.Abs(m.value)
	for range mostLengths {
		place = slices.Clone(m.at)
		add(place, direction, length)
		value, gradient = m.evaluate(place)
		there := dot(gradient, direction)
		falls := value <= m.value+enoughFall*length*slope || value <= m.value+rounding && there <= (2*enoughFall-1)*slope
		switch {
		case !falls || math.IsNaN(value):
			high = length
		case there < keptSlope*slope:
			low = length
		default:
			return length, place, value, gradient
		}
		if math.IsInf(high, 1) {
			length *= 2
		} else {
			length = (low + high) / 2
		}
	}
	return 0, nil, 0, nil
}

// rowsAtOnce is how many pictures a goroutine takes at once.
const rowsAtOnce = 16

// evaluate returns the objective at a place, and its gradient. Pictures are added up in their order, whoever computes what.
func (m *minimiser) evaluate(at []float64) (value float64, gradient []float64) {
	width, pictures := m.data.Width, m.data.Len()
	weights := at[:m.classes*width]
	biases := at[len(weights):]
	_ = parallel.Chunks(context.Background(), m.threads, pictures, rowsAtOnce, func(_, from, to int) { // which does not end
		for k := range m.classes {
			for i := from; i < to; i++ {
				m.residuals[i*m.classes+k] = biases[k] + dot(weights[k*width:(k+1)*width], m.data.row(i))
			}
		}
		for i := from; i < to; i++ {
			m.losses[i] = residuals(m.residuals[i*m.classes:(i+1)*m.classes], m.data.Classes[i])
		}
	})
	gradient = make([]float64, len(at))
	m.eachBlock(m.classes, func(k, from, to int) {
		for i := from; i < to; i++ {
			r := m.residuals[i*m.classes+k]
			add(gradient[k*width:(k+1)*width], m.data.row(i), r)
			gradient[len(weights)+k] += r
		}
	})
	share := 1 / float64(pictures)
	for i := range gradient {
		gradient[i] *= share
	}
	add(gradient[:len(weights)], weights, m.penalty)
	for _, loss := range m.losses {
		value += loss
	}
	return float64(value*share) + float64(m.penalty/2*dot(weights, weights)), gradient
}

// residuals turns the logits of a picture into the probabilities of the classes, less 1 for the right one, and returns the cross-entropy.
func residuals(r []float64, class int) float64 {
	most := math.Inf(-1)
	for _, v := range r {
		most = max(most, v)
	}
	right, sum := r[class], 0.0
	for k, v := range r {
		r[k] = math.Exp(v - most)
		sum += r[k]
	}
	for k := range r {
		r[k] /= sum
	}
	r[class]--
	return math.Log(sum) - (right - most)
}

// cholesky is a matrix as the product of a lower triangle and its transpose.
type cholesky struct {
	lower []float64 // [n, n]
	n     int
}

// newCholesky factorises a matrix [n, n], of which none is negative, times a factor, plus a positive number on its diagonal.
func newCholesky(matrix []float64, n int, factor, diagonal float64) *cholesky {
	c := &cholesky{make([]float64, n*n), n}
	for i := range n {
		for j := range i + 1 {
			v := float64(factor * matrix[i*n+j])
			if i == j {
				v += diagonal
			}
			v -= dot(c.lower[i*n:i*n+j], c.lower[j*n:j*n+j])
			if i == j {
				c.lower[i*n+i] = math.Sqrt(max(v, diagonal)) // not less, but for rounding
			} else {
				c.lower[i*n+j] = v / c.lower[j*n+j]
			}
		}
	}
	return c
}

// solve divides a vector by the matrix, in place.
func (c *cholesky) solve(x []float64) {
	for i := range x {
		x[i] = (x[i] - dot(c.lower[i*c.n:i*c.n+i], x[:i])) / c.lower[i*c.n+i]
	}
	for i := len(x) - 1; i >= 0; i-- {
		x[i] /= c.lower[i*c.n+i]
		add(x[:i], c.lower[i*c.n:i*c.n+i], -x[i])
	}
}

// dot returns the product of two vectors, by four sums of every fourth term. The conversions forbid fused multiply-add, which would round otherwise on some
// processors.
func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += float64(a[i] * b[i])
		s1 += float64(a[i+1] * b[i+1])
		s2 += float64(a[i+2] * b[i+2])
		s3 += float64(a[i+3] * b[i+3])
	}
	for ; i < len(a); i++ {
		s0 += float64(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// add adds a multiple of a vector to another one.
func add(to, v []float64, factor float64) {
	v = v[:len(to)]
	for i := range to {
		to[i] += float64(factor * v[i])
	}
}

// largest returns the largest absolute value.
func largest(v []float64) float64 {
	most := 0.0
	for _, x := range v {
		most = max(most, math.Abs(x))
	}
	return most
}
