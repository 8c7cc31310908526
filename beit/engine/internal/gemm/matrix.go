package gemm

import (
	"iter"
	"slices"
)

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
	// apart is how many lines further each panel begins: more than its own in a view of some inner indices.
	apart int
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
	return m.view(m.inner, min(m.columns, to*m.kernel.columns)-from*m.kernel.columns, from*m.kernel.columns*m.apart)
}

// Inner returns the inner indices [from, to), without copying; from is a multiple of PassInner. To add up the products of such views in their order has the bits of one product.
func (m *Matrix[T]) Inner(from, to int) *Matrix[T] {
	return m.view(to-from, m.columns, from*m.kernel.columns)
}

// PassInner returns how many inner indices are added up before their sums are added to C.
func (m *Matrix[T]) PassInner() int { return m.kernel.depth() * m.kernel.group }

// view returns inner indices of columns, which begin with that element.
func (m *Matrix[T]) view(inner, columns, first int) *Matrix[T] {
	part := &Matrix[T]{kernel: m.kernel, inner: inner, columns: columns, apart: m.apart, half: m.half}
	if m.half == NotHalf {
		part.panels = m.panels[first:]
	} else {
		part.halves = m.halves[first:]
	}
	return part
}

// Fill sets m to a packed copy of b, [inner, columns] with stride elements from row to row. It reuses m's memory.
func (m *Matrix[T]) Fill(b []T, inner, columns, stride int) {
	m.Reset(inner, columns)
	m.Put(0, 0, b, inner, columns, stride)
}

// FillTransposed is PackTransposed into m, whose memory it reuses.
func (m *Matrix[T]) FillTransposed(b []T, columns, inner, stride int) {
	m.Reset(inner, columns)
	m.PutTransposed(0, 0, b, inner, columns, stride)
}

// Reset makes m the memory for another B, [inner, columns], to be put part by part. It reuses m's memory, which must not be that of a view.
func (m *Matrix[T]) Reset(inner, columns int) {
	m.whole()
	m.reset(inner, columns)
}

// Put copies b, [count, columns] with stride elements from row to row, to inner indices from row on and to columns from column on. Different parts may be put at once.
func (m *Matrix[T]) Put(row, column int, b []T, count, columns, stride int) {
	width := m.kernel.columns
	for part := range m.parts(column, columns) {
		lines := part.panel[row*width+part.at:]
		for i := range count {
			copy(lines[i*width:i*width+part.count], b[i*stride+part.done:])
		}
	}
}

// PutTransposed is Put of the transpose of b, [columns, count] with stride elements from row to row.
func (m *Matrix[T]) PutTransposed(row, column int, b []T, count, columns, stride int) {
	width := m.kernel.columns
	for part := range m.parts(column, columns) {
		interleave(part.panel[row*width+part.at:], b[part.done*stride:], part.count, width, count, stride)
	}
}

// panelPart are count columns of a panel, from column at of it on, behind the first done of those that are put.
type panelPart[T Float] struct {
	panel           []T
	at, done, count int
}

// parts divides columns, from one on, by panels.
func (m *Matrix[T]) parts(column, columns int) iter.Seq[panelPart[T]] {
	return func(yield func(panelPart[T]) bool) {
		width, size := m.kernel.columns, m.kernel.columns*m.inner
		for done := 0; done < columns; {
			panel, at := (column+done)/width, (column+done)%width
			count := min(width-at, columns-done)
			if !yield(panelPart[T]{m.panels[panel*size : (panel+1)*size], at, done, count}) {
				return
			}
			done += count
		}
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
	m.apart = m.lines16()
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
