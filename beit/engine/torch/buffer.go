//go:build libtorch

package torch

import (
	"github.com/beitzoo/beitzoo/tensor"
)

// buffer is where parameters stop on their way to libtorch. Libtorch does not read the caller's memory itself: that may be a mapped file, and if
// somebody cuts it short meanwhile, Go makes an error of it where C++ would end the program. The buffer is as large as the largest parameter, so
// that it stays in the processor's cache, which makes the stop cheap.
type buffer []byte

// newBuffer takes memory for any of the views; it belongs to s.
func newBuffer(s *scope, views map[string]tensor.View) buffer {
	largest := int64(8)
	for _, view := range views {
		size, err := view.Size()
		s.fail(err)
		largest = max(largest, size)
	}
	doubles := (largest + 7) / 8
	return s.bytes(s.empty(cpu, float64s, doubles), int(8*doubles))
}

// read gives the elements of a view. They are valid until the next read.
func (b buffer) read(view tensor.View) (elements []byte, err error) {
	err = tensor.Guard(func() error {
		raw, err := view.Bytes()
		elements = b[:copy(b, raw)]
		return err
	})
	return elements, err
}
