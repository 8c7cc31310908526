package gemm

import "unsafe"

// MultiplyAdd adds the product of a and m to c, for the panels [from, to) of m. c is [rows of a, columns of m] with stride elements from row to row. Calls
// for different panels or different rows may run at once.
func (m *Matrix[T]) MultiplyAdd(c []T, stride int, a Rows[T], from, to int) {
	m.multiply(c, stride, a, from, to, nil)
}

// MultiplyAddTo is MultiplyAdd to a c whose rows all are first: whatever c had is lost. first has Panels times PanelColumns elements, of which those behind the columns of m do
// not matter. The result has the same bits.
func (m *Matrix[T]) MultiplyAddTo(first, c []T, stride int, a Rows[T], from, to int) {
	if len(first) < m.Panels()*m.kernel.columns {
		panic("gemm: sizes do not fit")
	}
	m.multiply(c, stride, a, from, to, first)
}

func (m *Matrix[T]) multiply(c []T, stride int, a Rows[T], from, to int, first []T) {
	rows, columns := a.count, min(to*m.kernel.columns, m.columns)
	if a.whole {
		rows, columns = a.Tiles()*a.height, to*m.kernel.columns
	}
	if a.inner != m.inner || m.kernel.group != a.group || a.height != m.kernel.rows || rows > 0 && len(c) < (rows-1)*stride+columns || a.whole && stride < columns {
		panic("gemm: sizes do not fit")
	}
	var spare []T
	if m.ragged(a, to) {
		spare = make([]T, m.kernel.rows*m.kernel.columns)
	}
	var wide *[depth * widest]float32
	if m.half != NotHalf && !m.grouped() {
		wide = widened.Get().(*[depth * widest]float32)
		defer widened.Put(wide)
	}
	for p, deep, steps := 0, m.kernel.depth(), m.steps(); p < steps; p += deep {
		k := min(deep, steps-p)
		for panel := from; panel < to; panel++ {
			ahead := m.address(panel+1, p)
			if panel+1 == to {
				ahead = m.address(from, p+deep)
			}
			begin := first
			if first != nil {
				begin = first[panel*m.kernel.columns:]
			}
			m.column(c, stride, a, panel, p, m.lines(panel, p, k, wide), ahead, spare, begin)
		}
		first = nil
	}
}

// lines returns the lines [p, p+k) of a panel. Those that are kept in 16 bits are widened into wide, unless they have groups.
func (m *Matrix[T]) lines(panel, p, k int, wide *[depth * widest]float32) []T {
	width := m.kernel.columns * m.kernel.span()
	from := m.line(panel, p) * width
	to := from + k*width
	switch {
	case m.half == NotHalf:
		return m.panels[from:to]
	case m.grouped():
		return asGroups[T](m.halves)[from:to]
	}
	m.half.widen(wide[:], m.halves[from:to])
	return unsafe.Slice((*T)(unsafe.Pointer(wide)), to-from) // T is float32
}

// line returns which line of all line p of a panel is.
func (m *Matrix[T]) line(panel, p int) int { return panel*m.apart/m.kernel.group + p }

// ragged reports whether C ends inside a tile at its lower or right edge.
func (m *Matrix[T]) ragged(a Rows[T], to int) bool {
	return !a.whole && (a.count%m.kernel.rows != 0 || to*m.kernel.columns > m.columns)
}

// address returns where line p of a panel is, or would be.
func (m *Matrix[T]) address(panel, p int) uintptr {
	at, size := uintptr(m.line(panel, p)*m.kernel.columns*m.kernel.span()), unsafe.Sizeof(T(0))
	if m.half == NotHalf {
		return uintptr(unsafe.Pointer(unsafe.SliceData(m.panels))) + at*size
	}
	if !m.grouped() {
		size = unsafe.Sizeof(uint16(0))
	}
	return uintptr(unsafe.Pointer(unsafe.SliceData(m.halves))) + at*size
}

// column multiplies all tiles of a with b, the lines of a panel of B from p on. Each asks for a part of the next panel, which is at ahead. spare is memory for a tile that reaches
// beyond C. first, if not nil, has what the rows of C in this panel are before.
func (m *Matrix[T]) column(c []T, stride int, a Rows[T], panel, p int, b []T, ahead uintptr, spare, first []T) {
	size := unsafe.Sizeof(T(0))
	width, height := m.kernel.columns, m.kernel.rows
	line := width * m.kernel.span()
	k, left := len(b)/line, panel*width
	columns := min(width, m.columns-left)
	row, step := uintptr(a.row)*size, uintptr(a.step)*size
	pace := uintptr(divideUp(line*int(size), max(1, a.Tiles())))
	for t := range a.Tiles() {
		top := t * height
		lines := min(height, a.count-top)
		from := &a.data[t*a.tile+p*a.step]
		corner := c[top*stride+left:]
		next := ahead + uintptr(t*k)*pace
		multiply, whole := m.kernel.multiply, height
		if lines <= height/2 && m.kernel.upper != nil {
			multiply, whole = m.kernel.upper, height/2
		}
		if a.whole || lines == whole && columns == width {
			multiply(k, from, row, step, &b[0], &corner[0], uintptr(stride)*size, next, pace, unsafe.SliceData(first))
			continue
		}
		clear(spare)
		multiply(k, from, row, step, &b[0], &spare[0], uintptr(width)*size, next, pace, unsafe.SliceData(first))
		for i := range lines {
			line := corner[i*stride : i*stride+columns]
			if first != nil {
				copy(line, spare[i*width:])
				continue
			}
			for j := range line {
				line[j] += spare[i*width+j]
			}
		}
	}
}
