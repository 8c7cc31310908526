package transform

import "encoding/binary"

const (
	// tileBytes is the length of a cache line: tiles are so many rows high that each line of the result is written at once.
	tileBytes = 64
	// tileCols is the width of a tile in elements.
	tileCols = 64
)

// scratch holds a tile transposed: tileCols rows of tileBytes.
type scratch [tileCols * tileBytes]byte

// kernels transpose one tile of the source (rows x cols) into scratch, for elements of the given width in bytes. Rows and columns come in
// full: tileBytes/width rows and a multiple of four columns.
var kernels = map[int]func(to *scratch, src []byte, stride, cols int){2: tile2, 4: tile4, 8: tile8}

// move writes the transpose of the matrix [rows, cols] at src to dst. Strides are in bytes from one row to the next.
//
// It goes through a small buffer because the rows of such matrices lie powers of two apart: written in place, the lines of one tile would
// compete for the same few entries of the cache.
func move(dst []byte, dstStride int, src []byte, srcStride, rows, cols, width int) {
	tileRows, fullCols := tileBytes/width, cols&^3
	kernel := kernels[width]
	if kernel == nil {
		edge(dst, dstStride, src, srcStride, rows, cols, width)
		return
	}
	fullRows := rows - rows%tileRows
	var buffer scratch
	for row := 0; row < fullRows; row += tileRows {
		for col := 0; col < fullCols; col += tileCols {
			n := min(tileCols, fullCols-col)
			kernel(&buffer, src[row*srcStride+col*width:], srcStride, n)
			at := col*dstStride + row*width
			for c := range n {
				copy(dst[at:at+tileBytes], buffer[c*tileBytes:(c+1)*tileBytes])
				at += dstStride
			}
		}
	}
	if fullCols < cols && fullRows > 0 {
		edge(dst[fullCols*dstStride:], dstStride, src[fullCols*width:], srcStride, fullRows, cols-fullCols, width)
	}
	if fullRows < rows {
		edge(dst[fullRows*width:], dstStride, src[fullRows*srcStride:], srcStride, rows-fullRows, cols, width)
	}
}

// edge does the same element by element, for what does not fill tiles and for unusual widths.
func edge(dst []byte, dstStride int, src []byte, srcStride, rows, cols, width int) {
	for col := range cols {
		out := dst[col*dstStride:]
		for row := range rows {
			at := row*srcStride + col*width
			copy(out[row*width:(row+1)*width], src[at:at+width])
		}
	}
}

func tile8(to *scratch, src []byte, stride, cols int) {
	for row := range tileBytes / 8 {
		line := src[row*stride:][:cols*8]
		at := row * 8
		for len(line) >= 8 && at <= len(to)-8 {
			binary.LittleEndian.PutUint64(to[at:at+8], binary.LittleEndian.Uint64(line))
			line = line[8:]
			at += tileBytes
		}
	}
}

// tile4 moves squares of two by two elements, two elements to a word.
func tile4(to *scratch, src []byte, stride, cols int) {
	const low = 1<<32 - 1
	for row := 0; row < tileBytes/4; row += 2 {
		a, b := src[row*stride:][:cols*4], src[(row+1)*stride:][:cols*4]
		at := row * 4
		for len(a) >= 8 && len(b) >= 8 && at <= len(to)-tileBytes-8 {
			x, y := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
			binary.LittleEndian.PutUint64(to[at:at+8], x&low|y<<32)
			binary.LittleEndian.PutUint64(to[at+tileBytes:at+tileBytes+8], x>>32|y&^low)
			a, b = a[8:], b[8:]
			at += 2 * tileBytes
		}
	}
}

// tile2 moves squares of four by four elements, four elements to a word.
func tile2(to *scratch, src []byte, stride, cols int) {
	const (
		even = 0x0000ffff0000ffff
		low  = 1<<32 - 1
	)
	for row := 0; row < tileBytes/2; row += 4 {
		a, b := src[row*stride:][:cols*2], src[(row+1)*stride:][:cols*2]
		c, d := src[(row+2)*stride:][:cols*2], src[(row+3)*stride:][:cols*2]
		at := row * 2
		for len(a) >= 8 && len(b) >= 8 && len(c) >= 8 && len(d) >= 8 && at <= len(to)-3*tileBytes-8 {
			w, x := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
			y, z := binary.LittleEndian.Uint64(c), binary.LittleEndian.Uint64(d)
			// First within pairs of rows: words of (column 0 and 2) and (1 and 3), two rows each; then across the pairs.
			w, x = w&even|x&even<<16, w>>16&even|x&^even
			y, z = y&even|z&even<<16, y>>16&even|z&^even
			binary.LittleEndian.PutUint64(to[at:at+8], w&low|y<<32)
			binary.LittleEndian.PutUint64(to[at+tileBytes:at+tileBytes+8], x&low|z<<32)
			binary.LittleEndian.PutUint64(to[at+2*tileBytes:at+2*tileBytes+8], w>>32|y&^low)
			binary.LittleEndian.PutUint64(to[at+3*tileBytes:at+3*tileBytes+8], x>>32|z&^low)
			a, b, c, d = a[8:], b[8:], c[8:], d[8:]
			at += 4 * tileBytes
		}
	}
}
