package gemm

// Matrix is a right-hand side B, [inner, columns], laid out for the kernel. It may be read from several goroutines at once. The zero value is empty; Fill
// it before use.
type Matrix[T Float] struct {
	kernel         kernel[T]
	inner, columns int
	// panels holds for each group of kernel.columns columns, one line for each inner index. What lies beyond the last column is
	// multiplied, but never reaches C.
	panels []T
}

// PackTransposed returns a packed copy of the transpose of b, [columns, inner] with stride elements from line to line. The weight of a linear layer,
// [out, in], is packed like this.
func PackTransposed[T Float](b []T, columns, inner, stride int) *Matrix[T] {
	m := &Matrix[T]{kernel: best[T]()}
	m.FillTransposed(b, columns, inner, stride)
	return m
}

// Panels returns the number of groups of columns.
func (m *Matrix[T]) Panels() int { return divideUp(m.columns, m.kernel.columns) }

// PanelColumns returns the number of columns of a group.
func (m *Matrix[T]) PanelColumns() int { return m.kernel.columns }

// Fill copies b, [inner, columns] with stride elements from line to line, into m's memory.
func (m *Matrix[T]) Fill(b []T, inner, columns, stride int) {
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

// FillTransposed copies the transpose of b, as PackTransposed does, into m's memory.
func (m *Matrix[T]) FillTransposed(b []T, columns, inner, stride int) {
	m.reset(inner, columns)
	width := m.kernel.columns
	for panel := range m.Panels() {
		from := panel * width
		interleave(m.panels[panel*width*inner:(panel+1)*width*inner], b[from*stride:], min(width, columns-from), width, inner, stride)
	}
}

func (m *Matrix[T]) reset(inner, columns int) {
	if m.kernel.multiply == nil {
		m.kernel = best[T]()
	}
	m.inner, m.columns = inner, columns
	size := m.Panels() * m.kernel.columns * inner
	if cap(m.panels) < size {
		m.panels = make([]T, size)
	}
	m.panels = m.panels[:size]
}

// interleave writes lines of b as columns of out, which is width elements wide. It goes in pieces that stay in the first-level cache.
func interleave[T Float](out, b []T, lines, width, inner, stride int) {
	const piece = 64
	for from := 0; from < inner; from += piece {
		to := min(inner, from+piece)
		for i := range lines {
			at := from*width + i
			for _, value := range b[i*stride+from : i*stride+to] {
				out[at] = value
				at += width
			}
		}
	}
}

func divideUp(n, by int) int { return (n + by - 1) / by }
