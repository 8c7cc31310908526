package mosaic_test

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/mosaic"
	"github.com/beitzoo/beitzoo/tensor"
)

// cut returns the part of a row-major tensor of 16-bit elements at offset, found element by element.
func cut(whole []byte, shape, offset, size tensor.Shape) mosaic.Part {
	var raw []byte
	elements, _ := size.Elements()
	for i := range int(elements) {
		at, rest := 0, i
		index := make([]int, len(shape))
		for d := len(shape) - 1; d >= 0; d-- {
			index[d] = rest % size[d]
			rest /= size[d]
		}
		for d := range shape {
			at = at*shape[d] + offset[d] + index[d]
		}
		raw = append(raw, whole[2*at], whole[2*at+1])
	}
	return mosaic.Part{Offset: offset, View: tensor.View{DType: tensor.I16, Shape: size, Data: tensor.Memory(raw)}}
}

// split cuts a box at random places into parts.
func split(r *rand.Rand, offset, size tensor.Shape, depth int) [][2]tensor.Shape {
	d := r.IntN(len(size))
	if depth == 0 || size[d] < 2 {
		return [][2]tensor.Shape{{offset, size}}
	}
	at := 1 + r.IntN(size[d]-1)
	low, high, from := append(tensor.Shape{}, size...), append(tensor.Shape{}, size...), append(tensor.Shape{}, offset...)
	low[d], high[d], from[d] = at, size[d]-at, offset[d]+at
	return append(split(r, offset, low, depth-1), split(r, from, high, depth-1)...)
}

func TestJoin_Random(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		shape := make(tensor.Shape, 1+r.IntN(4))
		for i := range shape {
			shape[i] = 1 + r.IntN(5)
		}
		elements, _ := shape.Elements()
		whole := make([]byte, 2*elements)
		for i := range whole {
			whole[i] = byte(r.Uint32())
		}
		var parts []mosaic.Part
		for _, box := range split(r, make(tensor.Shape, len(shape)), shape, r.IntN(5)) {
			parts = append(parts, cut(whole, shape, box[0], box[1]))
		}
		r.Shuffle(len(parts), func(i, k int) { parts[i], parts[k] = parts[k], parts[i] })
		view, err := mosaic.Join(tensor.I16, shape, parts)
		if err != nil {
			t.Fatal(err)
		}
		got, err := view.Bytes()
		if err != nil || !bytes.Equal(got, whole) {
			t.Fatalf("shape %s, %d parts: other bytes, %v", shape, len(parts), err)
		}
		var written bytes.Buffer
		if n, err := view.Data.WriteTo(&written); err != nil || n != 2*elements || !bytes.Equal(written.Bytes(), whole) {
			t.Fatalf("shape %s, %d parts: other bytes are written, %v", shape, len(parts), err)
		}
		if len(parts) > 1 {
			if _, err := mosaic.Join(tensor.I16, shape, parts[1:]); err == nil {
				t.Fatal("a part is missing, and nobody says so")
			}
		}
	}
}

func TestJoin_Refuses(t *testing.T) {
	part := func(offset, size tensor.Shape) mosaic.Part {
		elements, _ := size.Elements()
		return mosaic.Part{Offset: offset, View: tensor.View{DType: tensor.U8, Shape: size, Data: tensor.Memory(make([]byte, max(0, elements)))}}
	}
	shape := tensor.Shape{2, 3}
	for name, test := range map[string]struct {
		parts []mosaic.Part
		says  string
	}{
		"nothing":         {nil, "0 of its 6"},
		"too little":      {[]mosaic.Part{part(tensor.Shape{0, 0}, tensor.Shape{1, 3})}, "3 of its 6"},
		"twice":           {[]mosaic.Part{part(tensor.Shape{0, 0}, shape), part(tensor.Shape{0, 0}, tensor.Shape{1, 3})}, "more elements"},
		"overlap":         {[]mosaic.Part{part(tensor.Shape{0, 0}, tensor.Shape{2, 2}), part(tensor.Shape{0, 1}, tensor.Shape{2, 1})}, "overlap"},
		"outside":         {[]mosaic.Part{part(tensor.Shape{1, 0}, shape)}, "beyond"},
		"negative":        {[]mosaic.Part{part(tensor.Shape{-1, 0}, shape)}, "beyond"},
		"other dimension": {[]mosaic.Part{part(tensor.Shape{0}, tensor.Shape{6})}, "1 dimensions instead of 2"},
		"another type":    {[]mosaic.Part{{Offset: []int{0, 0}, View: tensor.View{DType: tensor.I16, Shape: shape}}}, "type I16 instead of U8"},
	} {
		if _, err := mosaic.Join(tensor.U8, shape, test.parts); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %q", name, err, test.says)
		}
	}
	if view, err := mosaic.Join(tensor.U8, tensor.Shape{}, []mosaic.Part{part(nil, tensor.Shape{})}); err != nil || view.Data == nil {
		t.Errorf("a scalar: %v", err)
	}
	if view, err := mosaic.Join(tensor.U8, tensor.Shape{0, 3}, nil); err != nil || view.Data == nil {
		t.Errorf("an empty tensor: %v", err)
	}
}

// same is a part of equal elements, of which one is stored.
func same(offset, size tensor.Shape) mosaic.Part {
	storage := tensor.Strided{Storage: tensor.Memory{1, 2}, Width: 2, Shape: size, Strides: make([]int64, len(size))}
	return mosaic.Part{Offset: offset, View: tensor.View{DType: tensor.I16, Shape: size, Data: storage}}
}

// TestJoin_InPieces writes a tensor that is larger than what is held of it, of parts that lie beside each other.
func TestJoin_InPieces(t *testing.T) {
	view, err := mosaic.Join(tensor.I16, tensor.Shape{4000, 10_000}, []mosaic.Part{
		same(tensor.Shape{0, 0}, tensor.Shape{4000, 6000}), same(tensor.Shape{0, 6000}, tensor.Shape{4000, 4000}),
	})
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := view.Data.WriteTo(io.Discard)
	runtime.ReadMemStats(&after)
	if err != nil || n != 80_000_000 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 20<<20 {
		t.Errorf("%d bytes were allocated to write %d", used, n)
	}
}

// broken is a part that ends early, or with an error.
type broken struct{ err error }

func (b broken) Bytes() ([]byte, error) { return []byte{1, 2}, b.err }

func (b broken) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write([]byte{1, 2})
	return int64(n), cmp.Or(b.err, err)
}

// full is a writer that takes so many bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	if f.left -= n; n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestJoin_Fails(t *testing.T) {
	for name, c := range map[string]struct {
		data tensor.Data
		want error
	}{"a damaged part": {broken{io.ErrNoProgress}, io.ErrNoProgress}, "a part that is cut": {broken{}, io.ErrUnexpectedEOF}} {
		left := same(tensor.Shape{0, 0}, tensor.Shape{2, 2})
		left.View.Data = c.data
		view, err := mosaic.Join(tensor.I16, tensor.Shape{2, 3}, []mosaic.Part{left, same(tensor.Shape{0, 2}, tensor.Shape{2, 1})})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := view.Data.WriteTo(io.Discard); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := view.Data.Bytes(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	view, err := mosaic.Join(tensor.I16, tensor.Shape{2, 70_000}, []mosaic.Part{
		same(tensor.Shape{0, 0}, tensor.Shape{2, 40_000}), same(tensor.Shape{0, 40_000}, tensor.Shape{2, 30_000}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := view.Data.WriteTo(&full{100_000}); n != 100_000 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%d bytes, %v", n, err)
	}
}
