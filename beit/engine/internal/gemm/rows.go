package gemm

// Rows is a left-hand side A, [count, inner], divided into tiles of as many rows as the kernel takes.
type Rows[T Float] struct {
	count, inner int
	// Element (i, p) of tile t is at data[t*tile + i*row + p*step]; it has group values, as the kernel takes them.
	data            []T
	tile, row, step int
	height, group   int
	// whole means that C has room for whole tiles.
	whole bool
}

// NewRows allocates memory for A, to be filled tile by tile.
func NewRows[T Float](count, inner int) Rows[T] {
	var r Rows[T]
	r.Reset(count, inner)
	return r
}

// Reset makes r the memory for another A, to be filled tile by tile. It reuses the memory of r, which must not be that of a view.
func (r *Rows[T]) Reset(count, inner int) { r.reset(count, inner, best[T]()) }

func (r *Rows[T]) reset(count, inner int, k kernel[T]) {
	step := k.rows * k.span()
	tile := k.steps(inner) * step
	size := divideUp(count, k.rows) * tile
	if cap(r.data) < size {
		r.data = make([]T, size)
	}
	*r = Rows[T]{count: count, inner: inner, height: k.rows, group: k.group, data: r.data[:size], tile: tile, row: k.span(), step: step}
	if inner%k.group > 0 {
		clear(r.data) // of the last groups the values that there are not
	}
}

// Prepare makes r memory for count rows that m takes, as Reset does.
func (m *Matrix[T]) Prepare(r *Rows[T], count int) { r.reset(count, m.inner, m.kernel) }

// PackRows returns a packed copy of a, [count, inner] with stride elements from row to row.
func PackRows[T Float](a []T, count, inner, stride int) Rows[T] {
	rows := NewRows[T](count, inner)
	rows.Fill(a, stride, 0, rows.Tiles())
	return rows
}

// ViewRows returns a itself as a left-hand side, without copying: [count, inner] with stride elements from row to row. a must have PaddedRows(count) rows;
// the values in the rows beyond count do not matter.
func ViewRows[T Float](a []T, count, inner, stride int) Rows[T] {
	height := best[T]().rows
	return Rows[T]{count: count, inner: inner, height: height, group: 1, data: a[:(PaddedRows[T](count)-1)*stride+inner], tile: height * stride, row: stride, step: 1}
}

// PaddedRows returns count rounded up to a multiple of the rows of a tile.
func PaddedRows[T Float](count int) int {
	height := best[T]().rows
	return divideUp(count, height) * height
}

// PaddedColumns returns count rounded up to a multiple of the columns of a panel.
func PaddedColumns[T Float](count int) int {
	width := best[T]().columns
	return divideUp(count, width) * width
}

// Count returns the number of rows.
func (r Rows[T]) Count() int { return r.count }

// Tiles returns the number of tiles.
func (r Rows[T]) Tiles() int { return divideUp(r.count, r.height) }

// mostRows is how many rows of A a block has at most: with depth inner indices they fit the second-level cache. Each panel of B is read once for a block.
const mostRows = 288

// BlockRows returns how many of count rows one task should multiply, so that all blocks but the last have as many and none is too large for the cache. It is a
// multiple of the rows of a tile.
func BlockRows[T Float](count int) int {
	rows := Rows[T]{count: count, height: best[T]().rows}
	return rows.BlockTiles() * rows.height
}

// BlockTiles returns how many tiles one task should multiply, so that all blocks but the last have as many and none is too large for the cache.
func (r Rows[T]) BlockTiles() int {
	blocks := divideUp(r.Tiles(), max(1, mostRows/r.height))
	return divideUp(r.Tiles(), max(1, blocks))
}

// TileRows returns the number of rows of a tile.
func (r Rows[T]) TileRows() int { return r.height }

// Fill copies the tiles [from, to) from a, which is the whole of A, with stride elements from row to row. Different tiles may be filled at once.
func (r Rows[T]) Fill(a []T, stride, from, to int) {
	if r.group > 1 {
		r.putGroups(from*r.height, 0, a[from*r.height*stride:], min(r.count, to*r.height)-from*r.height, r.inner, stride)
		return
	}
	for t := from; t < to; t++ {
		first := t * r.height
		interleave(r.data[t*r.tile:(t+1)*r.tile], a[first*stride:], min(r.height, r.count-first), r.height, r.inner, stride)
	}
}

// Put copies a, [count, inner] with stride elements from row to row, to rows from row on and to inner indices from column on. Different parts may be put at once.
func (r Rows[T]) Put(row, column int, a []T, count, inner, stride int) {
	if r.group > 1 {
		r.putGroups(row, column, a, count, inner, stride)
		return
	}
	for done := 0; done < count; {
		tile, at := (row+done)/r.height, (row+done)%r.height
		lines := min(r.height-at, count-done)
		interleave(r.data[tile*r.tile+column*r.height+at:], a[done*stride:], lines, r.height, inner, stride)
		done += lines
	}
}

// Whole returns r for products whose C has room for whole tiles: rows to the end of the last one, and columns to the end of the last panel. What is left in the room beyond the
// result may be anything. It saves computing the edges of C elsewhere.
func (r Rows[T]) Whole() Rows[T] {
	r.whole = true
	return r
}

// Part returns the tiles [from, to), without copying.
func (r Rows[T]) Part(from, to int) Rows[T] {
	part := r
	part.data = r.data[from*r.tile:]
	part.count = min(r.count, to*r.height) - from*r.height
	return part
}
