package gemm

import "slices"

// Matrix is a right-hand side B, [inner, columns], laid out for the kernel. It may be read from several goroutines at once. The zero value is empty; Fill
// it before use.
type Matrix[T Float] struct {
	kernel         kernel[T]
	inner, columns int
	// panels has a panel for each group of kernel.columns columns: [inner, kernel.columns], contiguous. The last panel may have unused columns, whose
	// products are not added to C.
	panels []T
	// halves has them instead if half is not NotHalf: [steps of inner, kernel.columns, kernel.group].
	halves []uint16
	half   Half
}

// PackTransposed returns a packed copy of the transpose of b, [columns, inner] with stride elements from row to row. Use it for the weight of a linear
// layer, [out, in].
func PackTransposed[T Float](b []T, columns, inner, stride int) *Matrix[T] {
	m := &Matrix[T]{kernel: best[T]()}
	m.FillTransposed(b, columns, inner, stride)
	return m
}

// Panels returns the number of panels, which are groups of PanelColumns columns.
func (m *Matrix[T]) Panels() int { return divideUp(m.columns, m.kernel.columns) }

// PanelColumns returns the number of columns of a panel.
func (m *Matrix[T]) PanelColumns() int { return m.kernel.columns }

// Line returns a copy of values, one for each column, as MultiplyAddTo takes them.
func (m *Matrix[T]) Line(values []T) []T {
	line := make([]T, m.Panels()*m.kernel.columns)
	copy(line, values)
	return line
}

// Part returns the columns of the panels [from, to), without copying.
func (m *Matrix[T]) Part(from, to int) *Matrix[T] {
	width := m.kernel.columns
	part := &Matrix[T]{kernel: m.kernel, inner: m.inner, columns: min(m.columns, to*width) - from*width, half: m.half}
	if m.half == NotHalf {
		part.panels = m.panels[from*width*m.inner : to*width*m.inner]
	} else {
		lines := m.lines16()
		part.halves = m.halves[from*width*lines : to*width*lines]
	}
	return part
}

// Fill sets m to a packed copy of b, [inner, columns] with stride elements from row to row. It reuses m's memory.
func (m *Matrix[T]) Fill(b []T, inner, columns, stride int) {
	m.whole()
	m.reset(inner, columns)
	width := m.kernel.columns
	for panel := range m.Panels() {
		from := panel * width
		filled := min(width, columns-from)
		lines := m.panels[panel*width*inner:]
		for p := range inner {
			copy(lines[p*width:(p+1)*width], b[p*stride+from:p*stride+from+filled])
		}
	}
}

// FillTransposed is PackTransposed into m, whose memory it reuses.
func (m *Matrix[T]) FillTransposed(b []T, columns, inner, stride int) {
	m.whole()
	m.reset(inner, columns)
	width := m.kernel.columns
	for panel := range m.Panels() {
		from := panel * width
		interleave(m.panels[panel*width*inner:(panel+1)*width*inner], b[from*stride:], min(width, columns-from), width, inner, stride)
	}
}

// FillTransposedBy is FillTransposed of a matrix that read gives a few rows at a time: it writes those from first on to lines, [len(lines)/inner, inner]. m is of
// no use after an error, which is that of read.
func (m *Matrix[T]) FillTransposedBy(columns, inner int, read func(lines []T, first int) error) error {
	m.reset(inner, columns)
	width := m.kernel.columns
	lines := make([]T, min(width, columns)*inner)
	var wide []T
	if m.half != NotHalf {
		wide = make([]T, width*inner)
	}
	for panel := range m.Panels() {
		from := panel * width
		filled := min(width, columns-from)
		if err := read(lines[:filled*inner], from); err != nil {
			return err
		}
		if m.half == NotHalf {
			wide = m.panels[panel*width*inner : (panel+1)*width*inner]
		}
		interleave(wide, lines, filled, width, inner, inner)
		if m.half != NotHalf {
			m.keep(panel, asFloat32(wide))
		}
	}
	return nil
}

// keep keeps a panel in 16 bits.
func (m *Matrix[T]) keep(panel int, wide []float32) {
	size := m.kernel.columns * m.lines16()
	out := m.halves[panel*size : (panel+1)*size]
	if m.grouped() {
		groupPanel(out, wide, m.inner, m.kernel.columns, m.kernel.group)
	} else {
		m.half.narrow(out, wide)
	}
}

// grouped reports whether the elements of m are groups of bfloat16.
func (m *Matrix[T]) grouped() bool { return m.kernel.group > 1 }

// steps returns how many elements a column has.
func (m *Matrix[T]) steps() int { return m.kernel.steps(m.inner) }

// lines16 returns how many lines a panel has in 16 bits.
func (m *Matrix[T]) lines16() int { return m.steps() * m.kernel.group }

// Elements returns how many elements a packed B, [inner, columns], takes at most.
func Elements[T Float](inner, columns int) int {
	return PaddedColumns[T](columns) * divideUp(inner, mostGroup) * mostGroup
}

// Place makes memory that of m, for a B that takes no more than its elements. It belongs to m from then on; a larger B gets new memory.
func (m *Matrix[T]) Place(memory []T) { m.panels = memory }

// whole makes sure that m does not keep its elements in 16 bits, which those that fill it at once may not fit.
func (m *Matrix[T]) whole() {
	if m.half != NotHalf {
		panic("gemm: a matrix of half precision is filled by FillTransposedBy")
	}
}

func (m *Matrix[T]) reset(inner, columns int) {
	if m.kernel.multiply == nil {
		m.kernel = best[T]()
	}
	m.inner, m.columns = inner, columns
	if size := m.Panels() * m.kernel.columns * inner; m.half == NotHalf {
		m.panels = slices.Grow(m.panels[:0], size)[:size]
	} else {
		size = m.Panels() * m.kernel.columns * m.lines16()
		m.halves = slices.Grow(m.halves[:0], size)[:size]
	}
}

// interleave writes rows of b as columns of out, which is width elements wide, in pieces that fit the first-level cache.
func interleave[T Float](out, b []T, lines, width, inner, stride int) {
	const piece, four = 64, 4
	for from := 0; from < inner; from += piece {
		to := min(inner, from+piece)
		for first := 0; first < lines; first += four {
			done := 0
			if at := min(first, lines-four); at >= 0 { // the last four have some of those before, if fewer are left
				done = interleaveFour(out[from*width+at:], b[at*stride+from:], width, stride, to-from)
			}
			for i := first; i < min(lines, first+four); i++ {
				at := (from+done)*width + i
				for _, value := range b[i*stride+from+done : i*stride+to] {
					out[at] = value
					at += width
				}
			}
		}
	}
}

func divideUp(n, by int) int { return (n + by - 1) / by }
