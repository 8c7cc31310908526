package tensor

import (
	"io"
	"slices"
)

// chunkSize is how many bytes WriteTo hands on at a time where it cannot pass on the memory itself.
const chunkSize = 1 << 20

// Memory is Data that lies ready in memory or in a mapped file.
type Memory []byte

// Bytes returns m itself.
func (m Memory) Bytes() ([]byte, error) { return m, nil }

// WriteTo writes m in pieces, so that a writer which counts progress or hashes sees steady steps.
func (m Memory) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for piece := range slices.Chunk([]byte(m), chunkSize) {
		n, err := w.Write(piece)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Joined is Data whose parts follow one another, as the 1 GiB slices of a Paddle checkpoint do.
type Joined []Data

// Bytes copies all parts into fresh memory, or returns the only part.
func (j Joined) Bytes() ([]byte, error) {
	if len(j) == 1 {
		return j[0].Bytes()
	}
	var all []byte
	for _, part := range j {
		raw, err := part.Bytes()
		if err != nil {
			return nil, err
		}
		all = append(all, raw...)
	}
	return all, nil
}

// WriteTo writes the parts in order.
func (j Joined) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for _, part := range j {
		n, err := part.WriteTo(w)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Swapped is big-endian Data of elements of Width bytes, delivered little-endian.
type Swapped struct {
	Data  Data
	Width int
}

// Bytes returns a swapped copy.
func (s Swapped) Bytes() ([]byte, error) {
	raw, err := s.Data.Bytes()
	if err != nil {
		return nil, err
	}
	swapped := slices.Clone(raw)
	for element := range slices.Chunk(swapped, s.Width) {
		slices.Reverse(element)
	}
	return swapped, nil
}

// WriteTo writes the swapped copy.
func (s Swapped) WriteTo(w io.Writer) (int64, error) { return writeBytes(s, w) }

// writeBytes is WriteTo for Data that has to be decoded whole.
func writeBytes(d Data, w io.Writer) (int64, error) {
	raw, err := d.Bytes()
	if err != nil {
		return 0, err
	}
	return Memory(raw).WriteTo(w)
}
