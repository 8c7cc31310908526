package transform_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

// dtypeOf is a dtype of each width that the kernels know, and of some that they do not.
var dtypeOf = map[int]tensor.DType{1: tensor.U8, 2: tensor.F16, 4: tensor.F32, 8: tensor.F64, 16: tensor.C128}

// counted returns a tensor with pseudo-random bytes, always the same ones.
func counted(width int, shape ...int) tensor.View {
	size := width
	for _, n := range shape {
		size *= n
	}
	raw := make([]byte, size)
	state := uint32(1)
	for i := range raw {
		state = state*1664525 + 1013904223
		raw[i] = byte(state >> 24)
	}
	return tensor.View{DType: dtypeOf[width], Shape: shape, Data: tensor.Memory(raw)}
}

// transposeByHand moves element after element.
func transposeByHand(raw []byte, rows, cols, width int) []byte {
	out := make([]byte, 0, len(raw))
	for col := range cols {
		for row := range rows {
			at := (row*cols + col) * width
			out = append(out, raw[at:at+width]...)
		}
	}
	return out
}

func read(t require, v tensor.View) []byte {
	t.Helper()
	raw, err := v.Bytes()
	if err != nil {
		t.Fatalf("%s %s: %v", v.DType, v.Shape, err)
	}
	var streamed bytes.Buffer
	n, err := v.Data.WriteTo(&streamed)
	if err != nil || n != int64(len(raw)) || !bytes.Equal(streamed.Bytes(), raw) {
		t.Fatalf("WriteTo wrote %d bytes (%v), Bytes has %d; equal: %v", n, err, len(raw), bytes.Equal(streamed.Bytes(), raw))
	}
	return raw
}

type require interface {
	Helper()
	Fatalf(format string, args ...any)
}

func TestTransposeEveryWidthAndEdge(t *testing.T) {
	t.Parallel()
	sizes := []int{1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 257, 300}
	for width := range dtypeOf {
		for _, rows := range sizes {
			for _, cols := range sizes {
				v := counted(width, rows, cols)
				moved, err := transform.Transpose(v)
				if err != nil {
					t.Fatal(err)
				}
				want := transposeByHand(v.Data.(tensor.Memory), rows, cols, width)
				if !bytes.Equal(read(t, moved), want) || !moved.Shape.Equal(tensor.Shape{cols, rows}) {
					t.Fatalf("width %d, [%d, %d]: wrong elements or shape %s", width, rows, cols, moved.Shape)
				}
			}
		}
	}
}

func TestTransposeTwiceIsTheSameMemory(t *testing.T) {
	t.Parallel()
	v := counted(4, 5, 6)
	once, _ := transform.Transpose(v)
	twice, err := transform.Transpose(once)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := twice.Bytes()
	if &raw[0] != &v.Data.(tensor.Memory)[0] {
		t.Error("transposing twice copied the elements")
	}
}

func TestStackSplitAndTransposeAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.SampledFrom([]int{1, 2, 4, 8, 16}).Draw(t, "width")
		n := rapid.IntRange(1, 4).Draw(t, "n")
		rows, cols := rapid.IntRange(0, 40).Draw(t, "rows"), rapid.IntRange(0, 70).Draw(t, "cols")
		whole := counted(width, n*rows, cols)
		parts, err := transform.Split(whole, n)
		if err != nil {
			t.Fatal(err)
		}
		stack, err := transform.Stack(parts...)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, stack), whole.Data.(tensor.Memory)) {
			t.Fatalf("split and stack is not the identity")
		}
		turned, err := transform.Transpose(stack)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, turned), transposeByHand(whole.Data.(tensor.Memory), n*rows, cols, width)) {
			t.Fatalf("the transpose of a stack is wrong")
		}
		from := rapid.IntRange(0, cols).Draw(t, "from")
		to := rapid.IntRange(from, cols).Draw(t, "to")
		some, err := transform.Rows(turned, from, to)
		if err != nil {
			t.Fatal(err)
		}
		if want := read(t, turned)[from*n*rows*width : to*n*rows*width]; !bytes.Equal(read(t, some), want) {
			t.Fatalf("rows %d to %d of a transpose are wrong", from, to)
		}
		back, err := transform.Transpose(some)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, back), transposeByHand(read(t, some), to-from, n*rows, width)) {
			t.Fatalf("the transpose of some rows of a transpose is wrong")
		}
		upper := rapid.IntRange(0, n*rows).Draw(t, "upper")
		top, err := transform.Rows(stack, 0, upper)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, top), whole.Data.(tensor.Memory)[:upper*cols*width]) {
			t.Fatalf("rows of a stack are wrong")
		}
	})
}

func TestImpossibleShapes(t *testing.T) {
	t.Parallel()
	matrix, vector := counted(4, 6, 4), counted(4, 6)
	for name, try := range map[string]func() error{
		"transpose a vector": func() error { _, err := transform.Transpose(vector); return err },
		"split unevenly":     func() error { _, err := transform.Split(matrix, 4); return err },
		"split into none":    func() error { _, err := transform.Split(matrix, 0); return err },
		"rows beyond":        func() error { _, err := transform.Rows(matrix, 3, 7); return err },
		"rows backwards":     func() error { _, err := transform.Rows(matrix, 3, 2); return err },
		"rows of a scalar":   func() error { _, err := transform.Rows(counted(4), 0, 0); return err },
		"stack nothing":      func() error { _, err := transform.Stack(); return err },
		"stack widths":       func() error { _, err := transform.Stack(matrix, counted(4, 6, 5)); return err },
		"stack dtypes":       func() error { _, err := transform.Stack(matrix, counted(8, 6, 4)); return err },
	} {
		t.Run(name, func(t *testing.T) {
			var shape *transform.ShapeError
			if err := try(); !errors.As(err, &shape) {
				t.Errorf("got %v, want a *ShapeError", err)
			}
		})
	}
}

func TestShortDataIsAnError(t *testing.T) {
	t.Parallel()
	short := tensor.View{DType: tensor.F32, Shape: tensor.Shape{3, 4}, Data: tensor.Memory(make([]byte, 47))}
	turned, err := transform.Transpose(short)
	if err != nil {
		t.Fatal(err)
	}
	stack, _ := transform.Stack(short, short)
	rows, _ := transform.Rows(short, 2, 3)
	for name, v := range map[string]tensor.View{"transpose": turned, "rows": rows, "stack": stack} {
		if _, err := v.Bytes(); err == nil {
			t.Errorf("%s: Bytes of short data succeeded", name)
		}
	}
	if _, err := turned.Data.WriteTo(io.Discard); err == nil {
		t.Error("WriteTo of short data succeeded")
	}
}

func TestTransposeWritesInPieces(t *testing.T) {
	t.Parallel()
	turned, _ := transform.Transpose(counted(4, 1024, 3072))
	largest := 0
	_, err := turned.Data.WriteTo(writerFunc(func(p []byte) (int, error) {
		largest = max(largest, len(p))
		return len(p), nil
	}))
	if err != nil || largest > 1<<20 {
		t.Errorf("a piece of %d bytes (%v), want at most 1 MiB", largest, err)
	}
	fails := errors.New("full")
	if _, err := turned.Data.WriteTo(writerFunc(func([]byte) (int, error) { return 0, fails })); !errors.Is(err, fails) {
		t.Errorf("got %v, want the writer's error", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func BenchmarkTranspose(b *testing.B) {
	for _, shape := range [][2]int{{1024, 3072}, {1024, 1024}, {1024, 4096}, {4096, 1024}} {
		for _, width := range []int{2, 4, 8} {
			b.Run(fmt.Sprintf("%dx%d/%d", shape[0], shape[1], width), func(b *testing.B) {
				v := counted(width, shape[0], shape[1])
				turned, _ := transform.Transpose(v)
				b.SetBytes(int64(len(v.Data.(tensor.Memory))))
				for b.Loop() {
					turned.Data.WriteTo(io.Discard)
				}
			})
		}
	}
}
