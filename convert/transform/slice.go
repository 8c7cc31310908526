package transform

import (
	"io"

	"github.com/beitzoo/beitzoo/tensor"
)

// slice returns length bytes of data from offset, without decoding more than needed if data allows it; nil of nil.
func slice(data tensor.Data, offset, length int64) tensor.Data {
	switch d := data.(type) {
	case nil:
		return nil
	case tensor.Memory:
		if offset+length <= int64(len(d)) {
			return d[offset : offset+length : offset+length]
		}
	case Slicer:
		return d.Slice(offset, length)
	}
	return &window{data, offset, length}
}

// window is a part of Data that can only be read whole.
type window struct {
	data           tensor.Data
	offset, length int64
}

// Bytes reads the whole and returns the part.
func (w *window) Bytes() ([]byte, error) {
	raw, err := w.data.Bytes()
	if err != nil {
		return nil, err
	}
	if w.offset+w.length > int64(len(raw)) {
		return nil, io.ErrUnexpectedEOF
	}
	return raw[w.offset : w.offset+w.length], nil
}

// WriteTo writes what Bytes returns.
func (w *window) WriteTo(out io.Writer) (int64, error) {
	raw, err := w.Bytes()
	if err != nil {
		return 0, err
	}
	return tensor.Memory(raw).WriteTo(out)
}

// part is a run of rows.
type part struct {
	data tensor.Data
	rows int
}

// stack is Data made of parts on top of each other; each row has row bytes.
type stack struct {
	parts []part
	row   int64
}

// Bytes joins the parts in fresh memory.
func (s *stack) Bytes() ([]byte, error) { return s.joined().Bytes() }

// WriteTo writes the parts in order.
func (s *stack) WriteTo(w io.Writer) (int64, error) { return s.joined().WriteTo(w) }

func (s *stack) joined() tensor.Joined {
	joined := make(tensor.Joined, len(s.parts))
	for i, p := range s.parts {
		joined[i] = p.data
	}
	return joined
}

// Slice takes from each part what the stretch covers of it.
func (s *stack) Slice(offset, length int64) tensor.Data {
	var covered tensor.Joined
	for _, p := range s.parts {
		size := int64(p.rows) * s.row
		from, to := max(offset, 0), min(offset+length, size)
		if from < to {
			covered = append(covered, slice(p.data, from, to-from))
		}
		offset -= size
	}
	if len(covered) == 1 {
		return covered[0]
	}
	return covered
}
