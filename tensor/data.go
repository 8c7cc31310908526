package tensor

import (
	"io"
	"runtime/debug"
	"slices"

	"github.com/beitzoo/beitzoo/errdef"
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
	parts := make([][]byte, len(j))
	for i, part := range j {
		var err error
		if parts[i], err = part.Bytes(); err != nil {
			return nil, err
		}
	}
	return slices.Concat(parts...), nil
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
	raw, err := s.open()
	if err != nil {
		return nil, err
	}
	return s.swap(make([]byte, 0, len(raw)), raw), nil
}

// WriteTo writes the swapped copy in pieces.
func (s Swapped) WriteTo(w io.Writer) (int64, error) {
	raw, err := s.open()
	if err != nil {
		return 0, err
	}
	var written int64
	var buffer []byte
	for piece := range slices.Chunk(raw, chunkSize/s.Width*s.Width) {
		buffer = s.swap(buffer[:0], piece)
		n, err := w.Write(buffer)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// open reads the big-endian elements, of which there must be a whole number.
func (s Swapped) open() ([]byte, error) {
	raw, err := s.Data.Bytes()
	if err == nil && len(raw)%s.Width != 0 {
		err = io.ErrUnexpectedEOF
	}
	return raw, err
}

// swap appends the elements of raw, each turned around.
func (s Swapped) swap(out, raw []byte) []byte {
	at := len(out)
	out = append(out, raw...)
	for element := range slices.Chunk(out[at:], s.Width) {
		slices.Reverse(element)
	}
	return out
}

// ErrFault says that mapped memory became unreadable, most likely because its file was cut short.
var ErrFault = errdef.New(errdef.ErrInput, "the file became unreadable while it was read; was it changed?")

// Guard runs read, which may touch the memory of a mapped file, and turns a fault there into ErrFault. Each goroutine needs a guard of its own.
func Guard(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			if _, fault := cause.(interface{ Addr() uintptr }); !fault {
				panic(cause)
			}
			err = ErrFault
		}
	}()
	return read()
}
