package mosaic

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/beitzoo/beitzoo/tensor"
)

// Part is a box of a tensor.
type Part struct {
	// Offset is where in the whole tensor the box begins, in elements of each dimension.
	Offset []int
	// View has the elements of the box, row-major.
	View tensor.View
}

// maxOverlaps bounds how many pairs of parts are compared for one tensor.
const maxOverlaps = 2 << 20

// Join returns the tensor that parts make up. The error says in which way they do not, as a clause.
func Join(dtype tensor.DType, shape tensor.Shape, parts []Part) (tensor.View, error) {
	whole := tensor.View{DType: dtype, Shape: shape}
	total, err := shape.Elements()
	if err != nil {
		return whole, err
	}
	if _, err := whole.Size(); err != nil {
		return whole, err
	}
	var boxes []Part
	left := total
	for _, part := range parts {
		elements, err := part.check(dtype, shape)
		if err != nil {
			return whole, err
		}
		if elements == 0 {
			continue
		}
		if left -= elements; left < 0 {
			return whole, fmt.Errorf("its parts have more elements than its %d", total)
		}
		boxes = append(boxes, part)
	}
	if left > 0 {
		return whole, fmt.Errorf("its parts have %d of its %d elements", total-left, total)
	}
	if len(boxes) == 1 { // as many elements, and within the bounds: it is all
		whole.Data = boxes[0].View.Data
		return whole, nil
	}
	slices.SortStableFunc(boxes, func(a, b Part) int { return slices.Compare(a.Offset, b.Offset) })
	if rows, ok := stacked(shape, boxes); ok {
		whole.Data = rows
		return whole, nil
	}
	if len(boxes)*len(boxes) > maxOverlaps {
		return whole, fmt.Errorf("it has %d parts, more than can be compared", len(boxes))
	}
	for i, a := range boxes {
		for _, b := range boxes[i+1:] {
			if a.overlaps(b) {
				return whole, errors.New("two of its parts overlap")
			}
		}
	}
	whole.Data = data{shape: shape, width: dtype.Size(), parts: boxes}
	return whole, nil
}

// check returns the number of elements of a part, which must lie within the whole.
func (p Part) check(dtype tensor.DType, shape tensor.Shape) (int64, error) {
	if p.View.DType != dtype {
		return 0, fmt.Errorf("a part of it has elements of type %s instead of %s", p.View.DType, dtype)
	}
	if len(p.Offset) != len(shape) || len(p.View.Shape) != len(shape) {
		return 0, fmt.Errorf("a part of it has %d dimensions instead of %d", len(p.View.Shape), len(shape))
	}
	for i, n := range shape {
		if p.Offset[i] < 0 || p.View.Shape[i] < 0 || p.Offset[i] > n || p.View.Shape[i] > n-p.Offset[i] {
			return 0, fmt.Errorf("a part of shape %s reaches beyond its shape %s", p.View.Shape, shape)
		}
	}
	return p.View.Shape.Elements()
}

func (p Part) overlaps(other Part) bool {
	for i := range p.Offset {
		if p.Offset[i]+p.View.Shape[i] <= other.Offset[i] || other.Offset[i]+other.View.Shape[i] <= p.Offset[i] {
			return false
		}
	}
	return true
}

// stacked returns the parts one after the other if they are rows of the whole that follow each other.
func stacked(shape tensor.Shape, parts []Part) (tensor.Joined, bool) {
	var rows tensor.Joined
	next := 0
	for _, part := range parts {
		if len(shape) == 0 || part.Offset[0] != next || !slices.Equal(part.View.Shape[1:], shape[1:]) {
			return nil, false
		}
		next += part.View.Shape[0]
		rows = append(rows, part.View.Data)
	}
	return rows, next == shape[0]
}

// data is a tensor of several parts, which is put together each time that it is read.
type data struct {
	shape tensor.Shape
	width int
	parts []Part
}

var _ tensor.Data = data{}

// Bytes returns the elements in fresh memory.
func (d data) Bytes() ([]byte, error) {
	elements, err := d.shape.Elements()
	if err != nil {
		return nil, err
	}
	out := make([]byte, elements*int64(d.width))
	for _, part := range d.parts {
		raw, err := part.View.Bytes()
		if err != nil {
			return nil, err
		}
		d.place(out, raw, part)
	}
	return out, nil
}

// WriteTo writes the elements.
func (d data) WriteTo(w io.Writer) (int64, error) {
	raw, err := d.Bytes()
	if err != nil {
		return 0, err
	}
	n, err := w.Write(raw)
	return int64(n), err
}

// place copies a part to where it belongs, a run of its last dimension at a time.
func (d data) place(out, raw []byte, part Part) {
	last := len(d.shape) - 1
	run := part.View.Shape[last] * d.width
	index := make([]int, last)
	for len(raw) > 0 {
		at := 0
		for i := range index {
			at = at*d.shape[i] + part.Offset[i] + index[i]
		}
		at = (at*d.shape[last] + part.Offset[last]) * d.width
		copy(out[at:at+run], raw[:run])
		raw = raw[run:]
		for i := last - 1; i >= 0; i-- {
			if index[i]++; index[i] < part.View.Shape[i] {
				break
			}
			index[i] = 0
		}
	}
}
