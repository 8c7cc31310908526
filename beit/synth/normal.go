package synth

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/beitzoo/beitzoo/internal/random"
	"github.com/beitzoo/beitzoo/tensor"
)

// Normal returns float32 values of a normal distribution around 0 with a standard deviation. Each is a function of the seed, the name and its flat index; the
// view computes them when it is read, and takes no memory. No value is farther than 9 deviations from 0.
func Normal(name string, shape tensor.Shape, deviation float64, seed uint64) tensor.View {
	elements, _ := shape.Elements()
	return tensor.View{DType: tensor.F32, Shape: shape, Data: &normal{key(name, seed), deviation, elements}}
}

// normal is Data of normally distributed values.
type normal struct {
	key       uint64
	deviation float64
	elements  int64
}

// Bytes computes all elements.
func (n *normal) Bytes() ([]byte, error) {
	out := make([]byte, 0, n.elements*elementSize)
	return n.fill(out, 0, n.elements), nil
}

// WriteTo computes and writes the elements in pieces.
func (n *normal) WriteTo(w io.Writer) (int64, error) {
	var written int64
	piece := make([]byte, 0, min(n.elements, pieceElements)*elementSize)
	for from := int64(0); from < n.elements; from += pieceElements {
		count, err := w.Write(n.fill(piece[:0], from, min(n.elements, from+pieceElements)))
		written += int64(count)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// fill appends the elements from one index to another. The top 52 bits of a random number choose the middle of one of 2^52 equal parts of (-1, 1), and the inverse
// of the distribution function takes that to a value.
func (n *normal) fill(out []byte, from, to int64) []byte {
	state := n.key + uint64(from)*random.Golden + random.Golden
	for range to - from {
		u := (float64(random.Mix(state)>>12)+0.5)/(1<<51) - 1
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(n.deviation*math.Sqrt2*math.Erfinv(u))))
		state += random.Golden
	}
	return out
}
