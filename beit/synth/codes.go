package synth

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/beitzoo/beitzoo/internal/random"
	"github.com/beitzoo/beitzoo/tensor"
)

// codes is Data of rows of length 1, as the codes of VQ-KD are: each is one of values around 0, divided by its norm.
type codes struct {
	key       uint64
	scale     float32
	rows, dim int64
}

// Bytes computes all elements.
func (c *codes) Bytes() ([]byte, error) {
	out := make([]byte, 0, c.rows*c.dim*elementSize)
	for row := range c.rows {
		out = c.fill(out, row)
	}
	return out, nil
}

// WriteTo computes and writes the elements row by row.
func (c *codes) WriteTo(w io.Writer) (int64, error) {
	var written int64
	line := make([]byte, 0, c.dim*elementSize)
	for row := range c.rows {
		count, err := w.Write(c.fill(line[:0], row))
		written += int64(count)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// fill appends a row. Squares and their sum are exact in float64 for rows of at most 32 elements.
func (c *codes) fill(out []byte, row int64) []byte {
	first := c.key + uint64(row*c.dim)*random.Golden + random.Golden
	sum := 0.0
	for i := range c.dim {
		value := float64(c.scale * unit(first+uint64(i)*random.Golden))
		sum += value * value
	}
	norm := math.Sqrt(sum)
	for i := range c.dim {
		value := float64(c.scale * unit(first+uint64(i)*random.Golden))
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(value/norm)))
	}
	return out
}

// isCodes reports whether a parameter has the codes of VQ-KD, or their average.
func isCodes(name string, shape tensor.Shape) bool {
	return (name == "quantize.embedding.weight" || name == "quantize.embedding.embed_avg") && len(shape) == 2
}
