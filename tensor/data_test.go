package tensor_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/tensor"
)

// pieces collects what WriteTo writes, and remembers the longest piece.
type pieces struct {
	bytes.Buffer
	largest int
}

func (p *pieces) Write(raw []byte) (int, error) {
	p.largest = max(p.largest, len(raw))
	return p.Buffer.Write(raw)
}

// checkData makes sure that both ways to read data return want, and that WriteTo writes pieces of at most 1 MiB.
func checkData(t interface{ Fatalf(string, ...any) }, data tensor.Data, want []byte) {
	got, err := data.Bytes()
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("Bytes: %d bytes, %v; want %d", len(got), err, len(want))
	}
	var out pieces
	n, err := data.WriteTo(&out)
	if err != nil || n != int64(len(want)) || !bytes.Equal(out.Bytes(), want) {
		t.Fatalf("WriteTo: %d of %d bytes, %v; want %d", n, out.Len(), err, len(want))
	}
	if out.largest > 1<<20 {
		t.Fatalf("WriteTo wrote %d bytes at once", out.largest)
	}
}

// ramp returns n bytes, each different from its neighbours.
func ramp(n int) []byte {
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(i*31 + i>>8*7)
	}
	return raw
}

// broken is Data that fails.
type broken struct{}

var errBroken = errors.New("broken")

func (broken) Bytes() ([]byte, error)           { return nil, errBroken }
func (broken) WriteTo(io.Writer) (int64, error) { return 0, errBroken }

// full is a writer with room for left bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return f.left, io.ErrShortWrite
	}
	f.left -= len(p)
	return len(p), nil
}

func TestMemoryAndJoined(t *testing.T) {
	t.Parallel()
	raw := ramp(3<<20 + 17)
	checkData(t, tensor.Memory(raw), raw)
	checkData(t, tensor.Memory(nil), nil)
	checkData(t, tensor.Joined{}, nil)
	checkData(t, tensor.Joined{tensor.Memory(raw)}, raw)
	checkData(t, tensor.Joined{tensor.Memory(raw[:5]), tensor.Memory(nil), tensor.Memory(raw[5:])}, raw)
}

func TestSwapped(t *testing.T) {
	t.Parallel()
	raw, _ := hex.DecodeString("0102030405060708")
	for width, want := range map[int]string{1: "0102030405060708", 2: "0201040306050807", 4: "0403020108070605", 8: "0807060504030201"} {
		swapped, _ := hex.DecodeString(want)
		checkData(t, tensor.Swapped{Data: tensor.Memory(raw), Width: width}, swapped)
	}
	if hex.EncodeToString(raw) != "0102030405060708" {
		t.Error("the original was changed")
	}
	long := ramp(2<<20 + 8)
	once, err := tensor.Swapped{Data: tensor.Memory(long), Width: 8}.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	checkData(t, tensor.Swapped{Data: tensor.Memory(once), Width: 8}, long)
	if _, err := (tensor.Swapped{Data: tensor.Memory(raw[:7]), Width: 4}).Bytes(); err == nil {
		t.Error("7 bytes are swapped as elements of 4")
	}
}

func TestData_ErrorsPassThrough(t *testing.T) {
	t.Parallel()
	strided := tensor.Strided{Storage: broken{}, Width: 4, Shape: tensor.Shape{1}, Strides: []int64{1}}
	for name, data := range map[string]tensor.Data{
		"joined one": tensor.Joined{broken{}}, "joined": tensor.Joined{tensor.Memory(nil), broken{}}, "strided": strided,
		"swapped": tensor.Swapped{Data: broken{}, Width: 4},
	} {
		if _, err := data.Bytes(); !errors.Is(err, errBroken) {
			t.Errorf("%s: Bytes: %v", name, err)
		}
		if _, err := data.WriteTo(io.Discard); !errors.Is(err, errBroken) {
			t.Errorf("%s: WriteTo: %v", name, err)
		}
		if _, err := (tensor.View{DType: tensor.F32, Shape: tensor.Shape{1}, Data: data}).Bytes(); !errors.Is(err, errBroken) {
			t.Errorf("%s: View.Bytes: %v", name, err)
		}
	}
	raw := tensor.Memory(ramp(3 << 20))
	for name, data := range map[string]tensor.Data{
		"memory": raw, "joined": tensor.Joined{raw, raw}, "swapped": tensor.Swapped{Data: raw, Width: 2},
		"strided": tensor.Strided{Storage: raw, Width: 1, Shape: tensor.Shape{3, 1 << 20}, Strides: []int64{1, 3}},
	} {
		if n, err := data.WriteTo(&full{left: 1 << 20}); !errors.Is(err, io.ErrShortWrite) || n < 1<<20 || n >= 2<<20 {
			t.Errorf("%s: WriteTo a full writer: %d, %v", name, n, err)
		}
	}
}

func TestStrided_Known(t *testing.T) {
	t.Parallel()
	// The storage of torch.arange(12, dtype=torch.uint8), and views of it made by the expressions in the names.
	storage := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	tests := map[string]struct {
		offset  int64
		shape   tensor.Shape
		strides []int64
		want    []byte
	}{
		"view(3, 4)":                   {0, tensor.Shape{3, 4}, []int64{4, 1}, storage},
		"view(3, 4).T":                 {0, tensor.Shape{4, 3}, []int64{1, 4}, []byte{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}},
		"view(3, 4)[1]":                {4, tensor.Shape{4}, []int64{1}, []byte{4, 5, 6, 7}},
		"view(3, 4)[:, 2]":             {2, tensor.Shape{3}, []int64{4}, []byte{2, 6, 10}},
		"view(3, 4)[::2, 1::2]":        {1, tensor.Shape{2, 2}, []int64{8, 2}, []byte{1, 3, 9, 11}},
		"[3:4].expand(2, 3)":           {3, tensor.Shape{2, 3}, []int64{0, 0}, []byte{3, 3, 3, 3, 3, 3}},
		"view(2, 3, 2).permute(2,0,1)": {0, tensor.Shape{2, 2, 3}, []int64{1, 6, 2}, []byte{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}},
		"[5]":                          {5, nil, nil, []byte{5}},
		"[12:12]":                      {12, tensor.Shape{0}, []int64{1}, nil},
		"view(3, 4)[:0, 5:]":           {99, tensor.Shape{0, 7}, []int64{4, 1}, nil},
		"unfold(0, 3, 2)":              {0, tensor.Shape{5, 3}, []int64{2, 1}, []byte{0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9, 10}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, width := range []int{1, 2, 3, 4, 8, 16} {
				wide := make([]byte, 0, len(storage)*width)
				for _, b := range storage {
					wide = append(wide, bytes.Repeat([]byte{b}, width)...)
				}
				var want []byte
				for _, b := range test.want {
					want = append(want, bytes.Repeat([]byte{b}, width)...)
				}
				s := tensor.Strided{Storage: tensor.Memory(wide), Width: width, Offset: test.offset, Shape: test.shape, Strides: test.strides}
				checkData(t, s, want)
			}
		})
	}
}

func TestStrided_Contiguous(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		shape   tensor.Shape
		strides []int64
		want    bool
	}{
		"scalar":                 {nil, nil, true},
		"row-major":              {tensor.Shape{2, 3, 4}, []int64{12, 4, 1}, true},
		"strides of single rows": {tensor.Shape{1, 3, 1}, []int64{99, 1, 77}, true},
		"empty":                  {tensor.Shape{3, 0}, []int64{7, 5}, true},
		"transposed":             {tensor.Shape{3, 2}, []int64{1, 3}, false},
		"columns":                {tensor.Shape{2, 3}, []int64{4, 1}, false},
		"expanded":               {tensor.Shape{2, 3}, []int64{0, 1}, false},
	}
	for name, test := range tests {
		if got := (tensor.Strided{Shape: test.shape, Strides: test.strides}).Contiguous(); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestStrided_Bounds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		offset   int64
		shape    tensor.Shape
		strides  []int64
		elements int64
		err      error
	}{
		"exactly all":          {0, tensor.Shape{3, 4}, []int64{4, 1}, 12, nil},
		"one too many":         {0, tensor.Shape{3, 4}, []int64{4, 1}, 11, tensor.ErrBounds},
		"offset behind":        {1, tensor.Shape{3, 4}, []int64{4, 1}, 12, tensor.ErrBounds},
		"empty anywhere":       {1 << 60, tensor.Shape{3, 0}, []int64{1 << 60, 1}, 0, nil},
		"negative offset":      {-1, tensor.Shape{1}, []int64{1}, 12, tensor.ErrBounds},
		"negative, empty":      {-1, tensor.Shape{0}, []int64{1}, 12, tensor.ErrBounds},
		"negative stride":      {5, tensor.Shape{2}, []int64{-1}, 12, tensor.ErrBounds},
		"too few strides":      {0, tensor.Shape{2, 2}, []int64{2}, 12, tensor.ErrBounds},
		"product overflows":    {0, tensor.Shape{math.MaxInt}, []int64{1 << 32}, 12, tensor.ErrBounds},
		"sum overflows":        {1<<63 - 1, tensor.Shape{2, 2}, []int64{1<<63 - 1, 2}, 12, tensor.ErrBounds},
		"wraps to something":   {0, tensor.Shape{5}, []int64{1 << 62}, 12, tensor.ErrBounds},
		"scalar in nothing":    {0, nil, nil, 0, tensor.ErrBounds},
		"expanded":             {11, tensor.Shape{math.MaxInt}, []int64{0}, 12, nil},
		"impossible shape":     {0, tensor.Shape{math.MaxInt, math.MaxInt, math.MaxInt}, []int64{0, 0, 0}, 12, tensor.ErrShape},
		"negative storage":     {0, nil, nil, -1, tensor.ErrBounds},
		"unused wide stride":   {0, tensor.Shape{1, 2}, []int64{1 << 62, 1}, 2, nil},
		"negative dimension":   {0, tensor.Shape{-2}, []int64{1}, 12, tensor.ErrShape},
		"last element reached": {2, tensor.Shape{3}, []int64{4}, 11, nil},
	}
	for name, test := range tests {
		s := tensor.Strided{Width: 1, Offset: test.offset, Shape: test.shape, Strides: test.strides}
		if err := s.Check(test.elements); !errors.Is(err, test.err) {
			t.Errorf("%s: got %v, want %v", name, err, test.err)
		}
		if test.err != nil && test.elements >= 0 {
			s.Storage = make(tensor.Memory, test.elements)
			if _, err := s.Bytes(); !errors.Is(err, test.err) {
				t.Errorf("%s: Bytes: %v, want %v", name, err, test.err)
			}
			if _, err := s.WriteTo(io.Discard); !errors.Is(err, test.err) {
				t.Errorf("%s: WriteTo: %v, want %v", name, err, test.err)
			}
		}
	}
}

// TestStrided_AgainstIndices compares random views with elements whose index is computed one by one.
func TestStrided_AgainstIndices(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := tensor.Strided{Width: rapid.SampledFrom([]int{1, 2, 4, 8, 16}).Draw(t, "width"), Offset: rapid.Int64Range(0, 20).Draw(t, "offset")}
		last := s.Offset
		for range rapid.IntRange(0, 4).Draw(t, "rank") {
			n, stride := rapid.IntRange(0, 5).Draw(t, "size"), rapid.Int64Range(0, 9).Draw(t, "stride")
			s.Shape, s.Strides = append(s.Shape, n), append(s.Strides, stride)
			last += int64(max(0, n-1)) * stride
		}
		storage := ramp(int(last+1) * s.Width)
		s.Storage = tensor.Memory(storage)
		count, _ := s.Shape.Elements()
		var want []byte
		for position := range count {
			at, rest := s.Offset, position
			for i := len(s.Shape) - 1; i >= 0; i-- {
				at += rest % int64(s.Shape[i]) * s.Strides[i]
				rest /= int64(s.Shape[i])
			}
			want = append(want, storage[at*int64(s.Width):(at+1)*int64(s.Width)]...)
		}
		checkData(t, s, want)
		if s.Check(last) == nil && count > 0 {
			t.Fatalf("a storage of one element less is accepted")
		}
	})
}

// TestStrided_InPieces writes tensors of several megabytes: rows shorter and longer than a piece, and elements that are far apart.
func TestStrided_InPieces(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]tensor.Strided{
		"transposed":   {Width: 4, Shape: tensor.Shape{1000, 900}, Strides: []int64{1, 1000}},
		"long rows":    {Width: 2, Shape: tensor.Shape{3, 1 << 20}, Strides: []int64{1 << 20, 0}},
		"one long row": {Width: 2, Offset: 3, Shape: tensor.Shape{1, 1 << 20}, Strides: []int64{7, 2}},
		"4 dimensions": {Width: 8, Shape: tensor.Shape{2, 3, 400, 300}, Strides: []int64{1, 240000, 2, 800}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			last := s.Offset
			for i, n := range s.Shape {
				last += int64(n-1) * s.Strides[i]
			}
			s.Storage = tensor.Memory(ramp(int(last+1) * s.Width))
			want, err := s.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			checkData(t, s, want)
		})
	}
}

func BenchmarkStridedTransposed(b *testing.B) {
	s := tensor.Strided{Width: 4, Shape: tensor.Shape{768, 3072}, Strides: []int64{1, 768}, Storage: make(tensor.Memory, 4*768*3072)}
	b.SetBytes(4 * 768 * 3072)
	for b.Loop() {
		if _, err := s.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
