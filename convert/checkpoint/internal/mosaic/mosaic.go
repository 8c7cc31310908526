package mosaic

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/beitzoo/beitzoo/errdef"
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
	// parts cover the shape, each element once, in the order of their offsets.
	parts []Part
}

var _ tensor.Data = data{}

// Bytes returns the elements in fresh memory.
func (d data) Bytes() ([]byte, error) {
	elements, err := d.shape.Elements()
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(make([]byte, 0, elements*int64(d.width)))
	if _, err := d.WriteTo(out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// WriteTo writes the elements. All parts are read side by side, each from its beginning to its end, as the rows of the whole need them: what is held in memory
// is a piece of each.
func (d data) WriteTo(w io.Writer) (int64, error) {
	j := &joint{data: d, out: bufio.NewWriterSize(w, 1<<16)}
	sources := make([]*source, len(d.parts))
	for i, part := range d.parts {
		sources[i] = &source{part: part}
	}
	defer func() {
		for _, s := range sources {
			s.close()
		}
	}()
	if err := j.walk(0, sources); err != nil {
		return j.written - int64(j.out.Buffered()), err
	}
	if err := j.out.Flush(); err != nil {
		return j.written - int64(j.out.Buffered()), err
	}
	return j.written, nil
}

// joint writes a tensor of several parts.
type joint struct {
	data
	out     *bufio.Writer
	written int64
}

// walk writes what lies in a row of the whole that has the dimensions from d on, of which those parts have all.
func (j *joint) walk(d int, parts []*source) error {
	last := len(j.shape) - 1
	if d == last { // the parts of a line
		for _, s := range parts {
			n, err := s.copy(j.out, s.part.View.Shape[last]*j.width)
			if j.written += n; err != nil {
				return err
			}
		}
		return nil
	}
	for from := 0; from < j.shape[d]; {
		next := j.shape[d]
		var here []*source
		for _, s := range parts {
			begin := s.part.Offset[d]
			switch end := begin + s.part.View.Shape[d]; {
			case begin > from:
				next = min(next, begin)
			case end > from:
				here = append(here, s)
				next = min(next, end)
			}
		}
		if d+1 == last {
			slices.SortFunc(here, func(a, b *source) int { return cmp.Compare(a.part.Offset[last], b.part.Offset[last]) })
		}
		for ; from < next; from++ {
			if err := j.walk(d+1, here); err != nil {
				return err
			}
		}
		for _, s := range here {
			if d == 0 && s.part.Offset[0]+s.part.View.Shape[0] == next {
				s.close()
			}
		}
	}
	return nil
}

// source gives the elements of a part in pieces.
type source struct {
	part Part
	next func() ([]byte, bool)
	stop func()
	// piece is what is left of the last piece, and err why there was no next one.
	piece []byte
	err   error
}

// errClosed ends the reading of a part that is not needed to its end.
var errClosed = errdef.New(errdef.ErrInput, "closed")

// open begins to read.
func (s *source) open() {
	s.next, s.stop = iter.Pull(func(yield func([]byte) bool) {
		s.err = tensor.Guard(func() error { // it runs beside the caller, and so does not have its guard
			_, err := s.part.View.Data.WriteTo(writer(func(p []byte) (int, error) {
				if len(p) > 0 && !yield(p) {
					return 0, errClosed
				}
				return len(p), nil
			}))
			return err
		})
	})
}

// copy writes the next n bytes.
func (s *source) copy(w io.Writer, n int) (written int64, err error) {
	if s.next == nil {
		s.open()
	}
	for n > 0 {
		if len(s.piece) == 0 {
			var more bool
			if s.piece, more = s.next(); !more {
				return written, cmp.Or(s.err, io.ErrUnexpectedEOF)
			}
		}
		k, err := w.Write(s.piece[:min(n, len(s.piece))])
		written += int64(k)
		if err != nil {
			return written, err
		}
		s.piece, n = s.piece[k:], n-k
	}
	return written, nil
}

// close ends the reading.
func (s *source) close() {
	if s.stop != nil {
		s.stop()
	}
	s.piece = nil
}

// writer is a function as an io.Writer.
type writer func(p []byte) (int, error)

// Write calls it.
func (w writer) Write(p []byte) (int, error) { return w(p) }
