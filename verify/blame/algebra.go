package blame

import (
	"context"
	"math"
	"runtime"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// factors are the LU decomposition of a square matrix with rows exchanged.
type factors struct {
	n     int
	lu    []float64
	order []int
}

// factorise returns the decomposition of a, [n, n], or nil if a is singular.
func factorise(ctx context.Context, a []float64, n int) *factors {
	f := &factors{n: n, lu: slices.Clone(a), order: make([]int, n)}
	for i := range f.order {
		f.order[i] = i
	}
	row := func(i int) []float64 { return f.lu[i*n : (i+1)*n] }
	for k := range n {
		pivot := k
		for i := k + 1; i < n; i++ {
			if math.Abs(f.lu[i*n+k]) > math.Abs(f.lu[pivot*n+k]) {
				pivot = i
			}
		}
		if f.lu[pivot*n+k] == 0 || ctx.Err() != nil {
			return nil
		}
		if pivot != k {
			f.order[k], f.order[pivot] = f.order[pivot], f.order[k]
			for j := range n {
				f.lu[k*n+j], f.lu[pivot*n+j] = f.lu[pivot*n+j], f.lu[k*n+j]
			}
		}
		top := row(k)
		parallel.Ranges(n-k-1, n-k, func(from, to int) {
			for i := k + 1 + from; i < k+1+to; i++ {
				line := row(i)
				factor := line[k] / top[k]
				line[k] = factor
				for j := k + 1; j < n; j++ {
					line[j] -= factor * top[j]
				}
			}
		})
	}
	return f
}

// solve returns the x of a x = b.
func (f *factors) solve(b []float64) []float64 {
	x := make([]float64, f.n)
	for i := range f.n {
		x[i] = b[f.order[i]]
		for j, v := range f.lu[i*f.n : i*f.n+i] {
			x[i] -= v * x[j]
		}
	}
	for i := f.n - 1; i >= 0; i-- {
		for j := i + 1; j < f.n; j++ {
			x[i] -= f.lu[i*f.n+j] * x[j]
		}
		x[i] /= f.lu[i*f.n+i]
	}
	return x
}

// columns are the columns of some rows, without their means, of length 1.
type columns struct {
	// unit has one column after the other; mean and length are what was taken away.
	unit         []float64
	rows, count  int
	mean, length []float64
}

func columnsOf(x *whatif.Rows) *columns {
	c := &columns{unit: make([]float64, len(x.Values)), rows: x.Count, count: x.Width, mean: make([]float64, x.Width), length: make([]float64, x.Width)}
	for i := range c.count {
		column := c.column(i)
		for t := range x.Count {
			column[t] = x.Values[t*x.Width+i]
			c.mean[i] += column[t] / float64(x.Count)
		}
		for t := range column {
			column[t] -= c.mean[i]
			c.length[i] += column[t] * column[t]
		}
		c.length[i] = math.Sqrt(c.length[i])
		for t := range column {
			if c.length[i] > 0 {
				column[t] /= c.length[i]
			}
		}
	}
	return c
}

func (c *columns) column(i int) []float64 { return c.unit[i*c.rows : (i+1)*c.rows] }

// match says which column of one matrix is which of another, with a factor and an offset.
type match struct {
	// from is for each wanted column the one that it agrees with, or -1.
	from           []int
	factor, offset []float64
}

// matchColumns finds for each column of want the one of got that agrees with it, up to a factor and an offset.
func matchColumns(ctx context.Context, want, got *columns) match {
	m := match{from: make([]int, want.count), factor: make([]float64, want.count), offset: make([]float64, want.count)}
	_ = parallel.Until(ctx, runtime.GOMAXPROCS(0), want.count, func(_, i int) { // who calls it looks at ctx
		m.from[i] = -1
		own := want.column(i)
		same := func(j int) float64 {
			if j >= got.count {
				return 0
			}
			if want.length[i] == 0 && got.length[j] == 0 {
				return 1
			}
			return dot(own, got.column(j))
		}
		best, at := same(i), i
		for j := range got.count {
			if best*best > 1-slack*slack {
				break
			}
			if s := same(j); math.Abs(s) > math.Abs(best) {
				best, at = s, j
			}
		}
		if best*best > 1-slack*slack {
			m.from[i] = at
			m.factor[i] = best
			if got.length[at] > 0 {
				m.factor[i] = best * want.length[i] / got.length[at]
			}
			const same = 1e-4
			if math.Abs(m.factor[i]-1) < same { // which is more exact
				m.factor[i] = 1
			}
			m.offset[i] = want.mean[i] - m.factor[i]*got.mean[at]
		}
	})
	return m
}

// permutation reports whether each column was found once, and in another place.
func (m match) permutation() bool {
	seen := make([]bool, len(m.from))
	moved := false
	for i, from := range m.from {
		if from < 0 || from >= len(seen) || seen[from] {
			return false
		}
		seen[from] = true
		moved = moved || from != i
	}
	return moved
}

// inPlace reports whether each column was found in its place.
func (m match) inPlace() bool {
	for i, from := range m.from {
		if from != i {
			return false
		}
	}
	return true
}

// scaled returns the factor of all columns, or 0 if they have different ones.
func (m match) scaled(slack float64) float64 {
	middle := median(m.factor)
	for _, f := range m.factor {
		if math.Abs(f-middle) > slack*math.Abs(middle) {
			return 0
		}
	}
	return middle
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func dot(a, b []float64) float64 {
	total := 0.0
	for i, v := range a {
		total += v * b[i]
	}
	return total
}

// assign returns for each row of score, [n, n], the column such that the sum of the scores is largest and each column is used once (Kuhn and Munkres, in the
// form of Jonker and Volgenant).
func assign(score [][]float64) []int {
	n := len(score)
	u, v, way, owner := make([]float64, n+1), make([]float64, n+1), make([]int, n+1), make([]int, n+1)
	for i := 1; i <= n; i++ {
		owner[0] = i
		slack, used := slices.Repeat([]float64{math.Inf(1)}, n+1), make([]bool, n+1)
		at := 0
		for owner[at] != 0 {
			used[at] = true
			row, least, next := owner[at], math.Inf(1), 0
			for j := 1; j <= n; j++ {
				if used[j] {
					continue
				}
				if cost := -score[row-1][j-1] - u[row] - v[j]; cost < slack[j] {
					slack[j], way[j] = cost, at
				}
				if slack[j] < least {
					least, next = slack[j], j
				}
			}
			for j := range n + 1 {
				if used[j] {
					u[owner[j]] += least
					v[j] -= least
				} else {
					slack[j] -= least
				}
			}
			at = next
		}
		for at != 0 {
			owner[at] = owner[way[at]]
			at = way[at]
		}
	}
	result := make([]int, n)
	for j := 1; j <= n; j++ {
		result[owner[j]-1] = j - 1
	}
	return result
}

// subtract returns a - b.
func subtract(a, b *whatif.Rows) *whatif.Rows {
	out := make([]float64, len(a.Values))
	for i, v := range a.Values {
		out[i] = v - b.Values[i]
	}
	return whatif.RowsOf(out, a.Width)
}

// subtractFrom takes so many times y away from x.
func subtractFrom(x, y []float64, times float64) {
	for i, v := range y {
		x[i] -= times * v
	}
}

// centredRows returns rows without the mean of each column.
func centredRows(x *whatif.Rows) *whatif.Rows {
	out := slices.Clone(x.Values)
	for c := range x.Width {
		mean := 0.0
		for t := range x.Count {
			mean += x.Values[t*x.Width+c] / float64(x.Count)
		}
		for t := range x.Count {
			out[t*x.Width+c] -= mean
		}
	}
	return whatif.RowsOf(out, x.Width)
}

// gramOf returns the products of the columns of a matrix with one another.
func gramOf(values []float64, width int) []float64 {
	gram := make([]float64, width*width)
	for line := range slices.Chunk(values, width) {
		for i, a := range line {
			for j, b := range line {
				gram[i*width+j] += a * b
			}
		}
	}
	return gram
}
