package transform

import (
	"io"
	"sync"

	"github.com/beitzoo/beitzoo/tensor"
)

const (
	// bandBytes is about how much of the result is made before it is handed on: it stays in the second-level cache meanwhile.
	bandBytes = 1 << 20
	// A band has minBand to maxBand columns of the source. Fewer would use only a part of the cache lines that are read: where rows are a page long, half
	// as many cost twice the time. More than a few tiles gain nothing.
	minBand, maxBand = 64, 256
)

// transposition delivers the transpose of a matrix [rows, cols], of which only the columns from .. to-1 are wanted: [to-from, rows].
type transposition struct {
	// source is the whole matrix, parts the same as runs of rows.
	source     tensor.Data
	parts      []part
	rows, cols int
	from, to   int
	width      int
}

func (t *transposition) whole() bool { return t.from == 0 && t.to == t.cols }

// Slice narrows the columns if the part is whole rows of the result.
func (t *transposition) Slice(offset, length int64) tensor.Data {
	row := int64(t.rows * t.width)
	if row == 0 || offset%row != 0 || length%row != 0 {
		return &window{t, offset, length}
	}
	narrow := *t
	narrow.from += int(offset / row)
	narrow.to = narrow.from + int(length/row)
	return &narrow
}

// Bytes moves all elements into fresh memory.
func (t *transposition) Bytes() ([]byte, error) {
	sources, err := t.open()
	if err != nil {
		return nil, err
	}
	out := make([]byte, (t.to-t.from)*t.rows*t.width)
	for from := t.from; from < t.to; from += maxBand {
		to := min(from+maxBand, t.to)
		t.band(out[(from-t.from)*t.rows*t.width:], sources, from, to)
	}
	return out, nil
}

// bands lends buffers of about bandBytes.
var bands = sync.Pool{New: func() any { return new([]byte) }}

// WriteTo moves and writes one band of columns after the other.
func (t *transposition) WriteTo(w io.Writer) (int64, error) {
	sources, err := t.open()
	if err != nil || t.from == t.to || t.rows == 0 {
		return 0, err
	}
	row := t.rows * t.width
	step := min(max(bandBytes/row/minBand*minBand, minBand), maxBand)
	buffer := bands.Get().(*[]byte)
	defer bands.Put(buffer)
	if cap(*buffer) < step*row {
		*buffer = make([]byte, step*row)
	}
	var written int64
	for from := t.from; from < t.to; from += step {
		to := min(from+step, t.to)
		band := (*buffer)[:(to-from)*row]
		t.band(band, sources, from, to)
		n, err := w.Write(band)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// open reads the parts and checks their lengths.
func (t *transposition) open() ([][]byte, error) {
	sources := make([][]byte, len(t.parts))
	for i, p := range t.parts {
		raw, err := p.data.Bytes()
		if err != nil {
			return nil, err
		}
		if want := p.rows * t.cols * t.width; len(raw) != want {
			return nil, &tensor.SizeError{DType: tensor.U8, Shape: tensor.Shape{p.rows, t.cols * t.width}, Got: int64(len(raw)), Want: int64(want)}
		}
		sources[i] = raw
	}
	return sources, nil
}

// band fills out with the columns from .. to-1 of the source as rows.
func (t *transposition) band(out []byte, sources [][]byte, from, to int) {
	if from == to || t.cols == 0 {
		return
	}
	at := 0
	for i, p := range t.parts {
		if p.rows == 0 {
			continue
		}
		move(out[at*t.width:], t.rows*t.width, sources[i][from*t.width:], t.cols*t.width, p.rows, to-from, t.width)
		at += p.rows
	}
}
