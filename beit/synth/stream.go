package synth

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/beitzoo/beitzoo/tensor"
)

// elementSize is that of float32.
const elementSize = 4

// pieceElements is how many elements are made at a time.
const pieceElements = 64 << 10

// stream is Data whose elements are computed: a matrix [rows, cols] of the values at base + row*down + col*across of the values of a key.
type stream struct {
	key           uint64
	centre, scale float32
	base          uint64
	rows, cols    int64
	down, across  uint64
}

// flat returns the first elements of a key as one row. Values are centre + scale * u with u in [-1, 1).
func flat(key uint64, centre, scale float32, elements int64) *stream {
	return &stream{key: key, centre: centre, scale: scale, rows: 1, cols: elements, across: 1}
}

// Transposed delivers [cols, rows] of a matrix [rows, cols]: the same elements in another order.
func (g *stream) Transposed(rows, cols int) tensor.Data {
	turned := *g
	switch {
	case g.rows == 1:
		turned.down, turned.across = g.across, g.across*uint64(cols)
	case g.rows == int64(rows):
		turned.down, turned.across = g.across, g.down
	default:
		return &transposition{g, rows, cols}
	}
	turned.rows, turned.cols = int64(cols), int64(rows)
	return &turned
}

// Slice returns some of the elements, in the order in which they are delivered.
func (g *stream) Slice(offset, length int64) tensor.Data {
	narrow, from, count := *g, offset/elementSize, length/elementSize
	switch {
	case count == 0:
		narrow.rows, narrow.cols = 1, 0
	case g.rows == 1:
		narrow.base, narrow.cols = g.base+uint64(from)*g.across, count
	case from%g.cols == 0 && count%g.cols == 0:
		narrow.base, narrow.rows = g.base+uint64(from/g.cols)*g.down, count/g.cols
	default:
		return &stretch{g, offset, length}
	}
	return &narrow
}

// Bytes makes all elements.
func (g *stream) Bytes() ([]byte, error) {
	out := make([]byte, 0, g.rows*g.cols*elementSize)
	for row := range g.rows {
		at := len(out)
		out = out[:at+int(g.cols)*elementSize]
		g.fill(out[at:], row, 0)
	}
	return out, nil
}

// WriteTo makes and writes the elements in pieces.
func (g *stream) WriteTo(w io.Writer) (int64, error) {
	var written int64
	piece := make([]byte, 0, min(g.rows*g.cols, pieceElements)*elementSize)
	flush := func() error {
		n, err := w.Write(piece)
		written += int64(n)
		piece = piece[:0]
		return err
	}
	for row := range g.rows {
		for col := int64(0); col < g.cols; {
			at := len(piece)
			count := min(g.cols-col, int64(cap(piece)-at)/elementSize)
			piece = piece[:at+int(count)*elementSize]
			g.fill(piece[at:], row, col)
			col += count
			if len(piece) == cap(piece) {
				if err := flush(); err != nil {
					return written, err
				}
			}
		}
	}
	return written, flush()
}

// fill makes elements of one row from a column on. The arithmetic is exact but for the addition: a unit has 24 bits, and scales are
// powers of two.
func (g *stream) fill(out []byte, row, col int64) {
	index := g.base + uint64(row)*g.down + uint64(col)*g.across
	state, increment := g.key+index*golden+golden, g.across*golden
	centre, scale := g.centre, g.scale
	for len(out) >= elementSize {
		binary.LittleEndian.PutUint32(out, math.Float32bits(centre+scale*unit(state)))
		out = out[elementSize:]
		state += increment
	}
}

// stretch is a part of a stream that is not a whole number of rows.
type stretch struct {
	*stream
	offset, length int64
}

// Bytes makes the rows that the stretch touches.
func (s *stretch) Bytes() ([]byte, error) {
	row := s.cols * elementSize
	first := s.offset / row
	last := (s.offset + s.length + row - 1) / row
	raw, err := s.stream.Slice(first*row, (last-first)*row).Bytes()
	if err != nil {
		return nil, err
	}
	return raw[s.offset-first*row:][:s.length], nil
}

// WriteTo writes what Bytes makes.
func (s *stretch) WriteTo(w io.Writer) (int64, error) {
	raw, err := s.Bytes()
	if err != nil {
		return 0, err
	}
	return tensor.Memory(raw).WriteTo(w)
}

// Slice returns a part of the part.
func (s *stretch) Slice(offset, length int64) tensor.Data {
	return s.stream.Slice(s.offset+offset, length)
}

// Transposed moves the bytes when they are read: the elements are not a regular series.
func (s *stretch) Transposed(rows, cols int) tensor.Data {
	return &transposition{s, rows, cols}
}

// transposition is the transpose of elements that a stream can't make in that order.
type transposition struct {
	source     tensor.Data
	rows, cols int
}

// Bytes moves element after element; only small tensors need it.
func (m *transposition) Bytes() ([]byte, error) {
	raw, err := m.source.Bytes()
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(raw))
	for col := range m.cols {
		for row := range m.rows {
			out = append(out, raw[(row*m.cols+col)*elementSize:][:elementSize]...)
		}
	}
	return out, nil
}

// WriteTo writes what Bytes makes.
func (m *transposition) WriteTo(w io.Writer) (int64, error) {
	raw, err := m.Bytes()
	if err != nil {
		return 0, err
	}
	return tensor.Memory(raw).WriteTo(w)
}
