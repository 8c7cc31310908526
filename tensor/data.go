package tensor

import (
	"io"
	"runtime/debug"
	"slices"

	"github.com/beitzoo/beitzoo/errdef"
)

// chunkSize is the most that a WriteTo method passes to one Write, in bytes, but for a single element.
const chunkSize = 1 << 20

// Memory is Data that lies ready in memory or in a mapped file.
type Memory []byte

// Bytes returns m itself.
func (m Memory) Bytes() ([]byte, error) { return m, nil }

// WriteTo writes m in pieces of at most 1 MiB, so a writer that reports progress sees small steps.
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

// open returns the big-endian bytes, and an error if they are not a whole number of elements.
func (s Swapped) open() ([]byte, error) {
	raw, err := s.Data.Bytes()
	if err == nil && len(raw)%s.Width != 0 {
		err = io.ErrUnexpectedEOF
	}
	return raw, err
}

// swap appends the elements of raw to out, with the bytes of each reversed.
func (s Swapped) swap(out, raw []byte) []byte {
	at := len(out)
	out = append(out, raw...)
	for element := range slices.Chunk(out[at:], s.Width) {
		slices.Reverse(element)
	}
	return out
}

// ErrFault says that mapped memory became unreadable, most likely because its file was truncated.
var ErrFault = errdef.New(errdef.ErrInput, "the file became unreadable while it was read; was it changed?")

// Guard calls read, which may touch the memory of a mapped file, and returns ErrFault if that memory cannot be read. It covers only the goroutine that it
// is called on.
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
