package tensor

import (
	"encoding/binary"
	"io"
)

// writePieces gathers and writes about chunkSize bytes at a time: rows of the outermost dimension, or parts of a row where one is longer.
func (s Strided) writePieces(w io.Writer, storage []byte, buffer *[]byte) (int64, error) {
	count, _ := s.Shape.Elements()
	size := count * int64(s.Width)
	if size <= chunkSize || len(s.Shape) == 0 {
		*buffer = s.gather((*buffer)[:0], storage)
		n, err := w.Write(*buffer)
		return int64(n), err
	}
	var written int64
	rows := max(1, int(chunkSize/(size/int64(s.Shape[0]))))
	for from := 0; from < s.Shape[0]; from += rows {
		n, err := s.rows(from, min(rows, s.Shape[0]-from)).writePieces(w, storage, buffer)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// rows is a stretch of the outermost dimension; a single row loses that dimension.
func (s Strided) rows(from, n int) Strided {
	s.Offset += int64(from) * s.Strides[0]
	if n == 1 {
		s.Shape, s.Strides = s.Shape[1:], s.Strides[1:]
		return s
	}
	s.Shape = append(Shape{n}, s.Shape[1:]...)
	return s
}

// gather appends the elements in row-major order to out.
func (s Strided) gather(out, storage []byte) []byte {
	switch {
	case s.Contiguous():
		count, _ := s.Shape.Elements()
		start := s.Offset * int64(s.Width)
		return append(out, storage[start:start+count*int64(s.Width)]...)
	case len(s.Shape) == 1:
		return s.line(out, storage)
	}
	inner := Strided{Width: s.Width, Offset: s.Offset, Shape: s.Shape[1:], Strides: s.Strides[1:]}
	for range s.Shape[0] {
		out = inner.gather(out, storage)
		inner.Offset += s.Strides[0]
	}
	return out
}

// line appends elements that lie one stride apart.
func (s Strided) line(out, storage []byte) []byte {
	at, step := s.Offset*int64(s.Width), s.Strides[0]*int64(s.Width)
	for range s.Shape[0] {
		switch element := storage[at:]; s.Width {
		case 2:
			out = binary.LittleEndian.AppendUint16(out, binary.LittleEndian.Uint16(element))
		case 4:
			out = binary.LittleEndian.AppendUint32(out, binary.LittleEndian.Uint32(element))
		case 8:
			out = binary.LittleEndian.AppendUint64(out, binary.LittleEndian.Uint64(element))
		default:
			out = append(out, element[:s.Width]...)
		}
		at += step
	}
	return out
}
