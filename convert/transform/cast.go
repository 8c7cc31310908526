package transform

import (
	"bytes"
	"fmt"
	"io"

	"github.com/beitzoo/beitzoo/tensor"
)

// Cast converts between the float types F64, F32, BF16 and F16, each value rounded once to the nearest, ties to even. It is lossy unless
// [Widens] says otherwise. Infinities, NaNs, subnormals and the signs of zeros are kept as far as the target has them.
func Cast(v tensor.View, to tensor.DType) (tensor.View, error) {
	if v.DType == to {
		return v, nil
	}
	convert, ok := conversions[pair{v.DType, to}]
	if !ok {
		return tensor.View{}, fmt.Errorf("cannot cast %s to %s: only float types can be cast", v.DType, to)
	}
	return tensor.View{DType: to, Shape: v.Shape, Data: &cast{v.Data, v.DType.Size(), to.Size(), convert}}, nil
}

// cast is Data with every element converted.
type cast struct {
	data     tensor.Data
	from, to int
	convert  conversion
}

// Bytes converts all elements into fresh memory.
func (c *cast) Bytes() ([]byte, error) {
	raw, err := c.data.Bytes()
	if err != nil {
		return nil, err
	}
	return c.all(make([]byte, 0, len(raw)/c.from*c.to), raw), nil
}

// WriteTo converts piece by piece.
func (c *cast) WriteTo(w io.Writer) (int64, error) {
	writer := &castWriter{cast: c, next: w}
	if _, err := c.data.WriteTo(writer); err != nil {
		return writer.written, err
	}
	if len(writer.rest) > 0 {
		return writer.written, io.ErrUnexpectedEOF
	}
	return writer.written, nil
}

// Slice converts only what is wanted.
func (c *cast) Slice(offset, length int64) tensor.Data {
	from, to := int64(c.from), int64(c.to)
	return &cast{slice(c.data, offset/to*from, length/to*from), c.from, c.to, c.convert}
}

// all appends the elements of raw to out, converted. What does not fill an element is left out.
func (c *cast) all(out, raw []byte) []byte {
	at := len(out)
	out = out[:at+len(raw)/c.from*c.to]
	c.convert(out[at:], raw)
	return out
}

// castWriter converts what is written to it. Pieces need not end at an element.
type castWriter struct {
	*cast
	next    io.Writer
	rest    []byte
	buffer  []byte
	written int64
}

func (w *castWriter) Write(p []byte) (int, error) {
	raw := p
	if len(w.rest) > 0 {
		raw = append(w.rest, p...)
	}
	size := len(raw) / w.from * w.to
	if cap(w.buffer) < size {
		w.buffer = make([]byte, 0, size)
	}
	n, err := w.next.Write(w.all(w.buffer[:0], raw))
	w.written += int64(n)
	w.rest = bytes.Clone(raw[len(raw)/w.from*w.from:])
	if err != nil {
		return 0, err
	}
	return len(p), nil
}
