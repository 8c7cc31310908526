package synth

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/beitzoo/beitzoo/internal/random"
	"github.com/beitzoo/beitzoo/tensor"
)

// elementSize is that of float32.
const elementSize = 4

// pieceElements is how many elements are made at a time.
const pieceElements = 64 << 10

// stream is Data whose elements are computed: a matrix [rows, cols]. Element (row, col) is value number base + row*down + col*across of the key.
type stream struct {
	key           uint64
	centre, scale float32
	base          uint64
	rows, cols    int64
	down, across  uint64
}

// flat returns the first values of a key as one row. They are centre + scale*u with u in [-1, 1).
func flat(key uint64, centre, scale float32, elements int64) *stream {
	return &stream{key: key, centre: centre, scale: scale, rows: 1, cols: elements, across: 1}
}

// Transposed returns the transpose, [cols, rows], of the elements read as a matrix [rows, cols].
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

// Slice returns length bytes from offset on; both are multiples of the element size.
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

// fill computes elements of one row, from column col on. Only the addition rounds: u has 24 bits, and scales are powers of two. Weights of
// whole models are made here, so the race detector, which would take most of the time of many tests, is off.
//
//go:norace
func (g *stream) fill(out []byte, row, col int64) {
	index := g.base + uint64(row)*g.down + uint64(col)*g.across
	state, increment := g.key+index*random.Golden+random.Golden, g.across*random.Golden
	centre, scale := g.centre, g.scale
	for len(out) >= elementSize {
		binary.LittleEndian.PutUint32(out, math.Float32bits(centre+scale*unit(state)))
		out = out[elementSize:]
		state += increment
	}
}

// stretch is part of a stream that does not consist of whole rows.
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

// Slice returns part of the stretch.
func (s *stretch) Slice(offset, length int64) tensor.Data {
	return s.stream.Slice(s.offset+offset, length)
}

// Transposed returns a transposition, since the elements are not at regular distances.
func (s *stretch) Transposed(rows, cols int) tensor.Data {
	return &transposition{s, rows, cols}
}

// transposition is the transpose of Data that a stream cannot compute in that order: it moves elements when they are read.
type transposition struct {
	source     tensor.Data
	rows, cols int
}

// Bytes moves one element at a time, which is slow, but only small tensors need it.
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
