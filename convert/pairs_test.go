package convert

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/tensor"
)

// broken is Data that WriteTo writes in pieces of size bytes, which need not end with an element.
type broken struct {
	raw  []byte
	size int
}

func (b broken) Bytes() ([]byte, error) { return b.raw, nil }

func (b broken) WriteTo(w io.Writer) (int64, error) {
	for at := 0; at < len(b.raw); at += b.size {
		if _, err := w.Write(b.raw[at:min(at+b.size, len(b.raw))]); err != nil {
			return int64(at), err
		}
	}
	return int64(len(b.raw)), nil
}

func TestPairsKeepStep(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(0, 300).Draw(t, "count")
		view := func(name string) (tensor.View, []byte) {
			dtype := rapid.SampledFrom([]tensor.DType{tensor.F16, tensor.F32, tensor.F64}).Draw(t, name)
			raw := rapid.SliceOfN(rapid.Byte(), count*dtype.Size(), count*dtype.Size()).Draw(t, name+" bytes")
			var data tensor.Data = tensor.Memory(raw)
			if rapid.Bool().Draw(t, name+" in pieces") {
				data = broken{raw, rapid.IntRange(1, 20).Draw(t, name+" size")}
			}
			return tensor.View{DType: dtype, Shape: tensor.Shape{count}, Data: data}, raw
		}
		a, rawA := view("a")
		b, rawB := view("b")
		var gotA, gotB []byte
		err := pairs(t.Context(), a, b, func(first int64, pieceA, pieceB []byte) error {
			if int(first)*a.DType.Size() != len(gotA) || len(pieceA)/a.DType.Size() != len(pieceB)/b.DType.Size() {
				t.Fatalf("pieces of %d and %d bytes at element %d", len(pieceA), len(pieceB), first)
			}
			gotA, gotB = append(gotA, pieceA...), append(gotB, pieceB...)
			return nil
		})
		if err != nil || !bytes.Equal(gotA, rawA) || !bytes.Equal(gotB, rawB) {
			t.Fatalf("elements were lost, %v", err)
		}
	})
}

func TestPairsOfUnequalLength(t *testing.T) {
	t.Parallel()
	long := tensor.View{DType: tensor.F32, Shape: tensor.Shape{8}, Data: tensor.Memory(make([]byte, 32))}
	for name, data := range map[string]tensor.Data{"memory": tensor.Memory(make([]byte, 28)), "stream": broken{make([]byte, 28), 5}} {
		short := tensor.View{DType: tensor.F32, Shape: tensor.Shape{8}, Data: data}
		if err := pairs(t.Context(), long, short, func(int64, []byte, []byte) error { return nil }); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	stop := errors.New("enough")
	streamed := tensor.View{DType: tensor.F32, Shape: tensor.Shape{8}, Data: broken{make([]byte, 32), 5}}
	if err := pairs(t.Context(), long, streamed, func(int64, []byte, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := pairs(ctx, long, streamed, func(int64, []byte, []byte) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
