package tensor_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/tensor"
)

// all is every dtype with its name and size, as the safetensors format has them.
var all = []struct {
	dtype tensor.DType
	name  string
	size  int
	float bool
}{
	{tensor.Bool, "BOOL", 1, false},
	{tensor.U8, "U8", 1, false},
	{tensor.I8, "I8", 1, false},
	{tensor.U16, "U16", 2, false},
	{tensor.I16, "I16", 2, false},
	{tensor.F16, "F16", 2, true},
	{tensor.BF16, "BF16", 2, true},
	{tensor.U32, "U32", 4, false},
	{tensor.I32, "I32", 4, false},
	{tensor.F32, "F32", 4, true},
	{tensor.U64, "U64", 8, false},
	{tensor.I64, "I64", 8, false},
	{tensor.F64, "F64", 8, true},
	{tensor.C64, "C64", 8, false},
	{tensor.C128, "C128", 16, false},
}

func TestDTypes(t *testing.T) {
	t.Parallel()
	for _, d := range all {
		if d.dtype.String() != d.name || d.dtype.Size() != d.size || d.dtype.IsFloat() != d.float {
			t.Errorf("%s: got %s of %d bytes, float %v", d.name, d.dtype, d.dtype.Size(), d.dtype.IsFloat())
		}
		if parsed, err := tensor.ParseDType(d.name); err != nil || parsed != d.dtype {
			t.Errorf("ParseDType(%q) = %s, %v", d.name, parsed, err)
		}
	}
	if _, err := tensor.ParseDType("invalid"); err == nil {
		t.Error(`ParseDType accepts "invalid"`)
	}
	if got := tensor.DType(200); got.Size() != 0 || got.String() != "dtype(200)" {
		t.Errorf("unknown dtype: %s of %d bytes", got, got.Size())
	}
}

func TestShape_Elements(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		shape tensor.Shape
		want  int64
		err   error
	}{
		"scalar":               {nil, 1, nil},
		"matrix":               {tensor.Shape{3, 5}, 15, nil},
		"empty":                {tensor.Shape{3, 0, 5}, 0, nil},
		"negative":             {tensor.Shape{3, -1}, 0, tensor.ErrShape},
		"negative and empty":   {tensor.Shape{0, -1}, 0, tensor.ErrShape},
		"largest":              {tensor.Shape{math.MaxInt}, math.MaxInt, nil},
		"overflow":             {tensor.Shape{1 << 30, 1 << 30, 1 << 3}, 0, tensor.ErrShape},
		"overflow beside zero": {tensor.Shape{1 << 30, 1 << 30, 0, 1 << 30}, 0, tensor.ErrShape},
		"rank 32":              {make(tensor.Shape, 32), 0, nil},
		"rank 33":              {make(tensor.Shape, 33), 0, tensor.ErrShape},
	}
	for name, test := range tests {
		got, err := test.shape.Elements()
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %d, %v; want %d, %v", name, got, err, test.want, test.err)
		}
	}
	if got := (tensor.Shape{768, 3, 16, 16}).String(); got != "[768, 3, 16, 16]" {
		t.Errorf("String: %s", got)
	}
}

func TestView_Size(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		view tensor.View
		want int64
		err  error
	}{
		"matrix":      {tensor.View{DType: tensor.F32, Shape: tensor.Shape{2, 3}}, 24, nil},
		"no dtype":    {tensor.View{Shape: tensor.Shape{2}}, 0, tensor.ErrShape},
		"bytes":       {tensor.View{DType: tensor.F64, Shape: tensor.Shape{1 << 30, 1 << 30}}, 0, tensor.ErrShape},
		"largest":     {tensor.View{DType: tensor.F64, Shape: tensor.Shape{1<<30 - 1, 1<<30 + 1}}, 1<<63 - 8, nil},
		"empty, wide": {tensor.View{DType: tensor.C128, Shape: tensor.Shape{0, math.MaxInt}}, 0, nil},
	}
	for name, test := range tests {
		got, err := test.view.Size()
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %d, %v; want %d, %v", name, got, err, test.want, test.err)
		}
	}
}

func TestView_BytesOfWrongLength(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 23, 25, 48} {
		_, err := tensor.View{DType: tensor.F32, Shape: tensor.Shape{2, 3}, Data: make(tensor.Memory, n)}.Bytes()
		var size *tensor.SizeError
		if !errors.As(err, &size) {
			t.Fatalf("%d bytes for 24: %v", n, err)
		}
		want := &tensor.SizeError{DType: tensor.F32, Shape: tensor.Shape{2, 3}, Got: int64(n), Want: 24}
		if text := size.Error(); text != fmt.Sprintf("%d bytes where F32 [2, 3] needs 24", n) {
			t.Error(text)
		}
		if diff := cmp.Diff(want, size); diff != "" {
			t.Errorf("%d bytes (-want +got):\n%s", n, diff)
		}
	}
}
