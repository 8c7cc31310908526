package convert

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/beitzoo/beitzoo/tensor"
)

// pairs streams two tensors with the same number of elements side by side, in pieces of whole elements, without holding either. visit gets the
// index of the piece's first element; its slices are valid during the call.
func pairs(ctx context.Context, a, b tensor.View, visit func(first int64, a, b []byte) error) error {
	reader, stop := stream(b)
	defer stop()
	writer := &pairWriter{ctx: ctx, visit: visit, sizeA: a.DType.Size(), sizeB: b.DType.Size(), b: reader}
	if _, err := a.Data.WriteTo(writer); err != nil {
		return err
	}
	if len(writer.rest) > 0 {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// stream returns a reader of the elements of v, and a function that ends it.
func stream(v tensor.View) (elementReader, func()) {
	if memory, ok := v.Data.(tensor.Memory); ok {
		return &memoryReader{memory}, func() {}
	}
	reader, writer := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		writer.CloseWithError(tensor.Guard(func() error {
			_, err := v.Data.WriteTo(writer)
			return err
		}))
	}()
	return &pipeReader{reader: reader}, func() {
		reader.Close()
		<-done // the file must not be unmapped while the goroutine reads it
	}
}

// elementReader returns the next n bytes, valid until the next call.
type elementReader interface {
	next(n int) ([]byte, error)
}

type memoryReader struct{ left []byte }

func (m *memoryReader) next(n int) ([]byte, error) {
	if n > len(m.left) {
		return nil, io.ErrUnexpectedEOF
	}
	piece := m.left[:n]
	m.left = m.left[n:]
	return piece, nil
}

type pipeReader struct {
	reader *io.PipeReader
	buffer bytes.Buffer
}

func (p *pipeReader) next(n int) ([]byte, error) {
	p.buffer.Reset()
	_, err := io.CopyN(&p.buffer, p.reader, int64(n))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return p.buffer.Bytes(), err
}

// pairWriter gets the elements of a and fetches those of b.
type pairWriter struct {
	ctx          context.Context //nolint:containedctx // a writer for one call
	visit        func(first int64, a, b []byte) error
	sizeA, sizeB int
	b            elementReader
	first        int64
	rest         []byte
}

// pairPiece is how many elements visit gets at most.
const pairPiece = 64 << 10

func (w *pairWriter) Write(p []byte) (int, error) {
	raw := p
	if len(w.rest) > 0 {
		raw = append(w.rest, p...)
	}
	for len(raw) >= w.sizeA {
		if err := w.ctx.Err(); err != nil {
			return 0, context.Cause(w.ctx)
		}
		count := min(len(raw)/w.sizeA, pairPiece)
		other, err := w.b.next(count * w.sizeB)
		if err != nil {
			return 0, err
		}
		if err := w.visit(w.first, raw[:count*w.sizeA], other); err != nil {
			return 0, err
		}
		w.first += int64(count)
		raw = raw[count*w.sizeA:]
	}
	w.rest = bytes.Clone(raw)
	return len(p), nil
}
