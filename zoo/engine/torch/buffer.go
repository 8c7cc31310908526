//go:build libtorch

package torch

import (
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/convert/tensor"
)

// buffer is where parameters stop on their way to libtorch. Libtorch does not read the caller's memory itself: that may be a mapped file, and if
// somebody cuts it short meanwhile, Go makes an error of it where C++ would end the program. The buffer is as large as the largest parameter, so
// that it stays in the processor's cache, which makes the stop cheap.
type buffer struct {
	memory  []byte
	threads int
}

// newBuffer takes memory for any of the views that belongs to s.
func newBuffer(s *scope, views []tensor.View, threads int) buffer {
	largest := int64(8)
	for _, view := range views {
		size, err := view.Size()
		s.fail(err)
		largest = max(largest, size)
	}
	doubles := (largest + 7) / 8
	return buffer{s.bytes(s.empty(cpu, float64s, doubles), int(8*doubles)), threads}
}

// piece is the least that a thread of its own copies.
const piece = 1 << 20

// read gives the elements of a view. They are valid until the next read.
func (b buffer) read(view tensor.View) ([]byte, error) {
	var raw []byte
	if err := tensor.Guard(func() (err error) { raw, err = view.Bytes(); return err }); err != nil {
		return nil, err
	}
	out := b.memory[:len(raw)]
	var group errgroup.Group
	group.SetLimit(b.threads)
	for part := range slices.Chunk(raw, max(piece, (len(raw)+b.threads-1)/b.threads)) {
		to := out[:len(part)]
		out = out[len(part):]
		group.Go(func() error { return tensor.Guard(func() error { copy(to, part); return nil }) })
	}
	return b.memory[:len(raw)], group.Wait()
}
