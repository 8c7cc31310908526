package transform_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

// reversible are the operations whose inverse brings everything back, each with inputs that it takes.
var reversible = map[string]struct {
	operation transform.Operation
	inputs    func(rows, cols int) []tensor.View
}{
	"keep": {transform.Keep(2), func(r, c int) []tensor.View { return []tensor.View{counted(4, r, c), counted(8, c)} }},
	"turn": {transform.TransposeMatrix(), func(r, c int) []tensor.View { return []tensor.View{counted(4, r, c)} }},
	"join rows": {transform.JoinRows(3), func(r, c int) []tensor.View {
		return []tensor.View{counted(4, r, c), counted(4, r, c), counted(4, r, c)}
	}},
	"split":    {transform.SplitRows(3), func(r, c int) []tensor.View { return []tensor.View{counted(2, 3*r, c)} }},
	"fill key": {transform.FillKeyBias(), func(_, c int) []tensor.View { return []tensor.View{counted(4, c), counted(4, c)} }},
	"widen":    {transform.CastTo(tensor.F16, tensor.F32), func(r, c int) []tensor.View { return []tensor.View{halves(r, c)} }},
	"split, turn": {
		transform.Then(transform.TransposeMatrix(), transform.SplitRows(3)),
		func(r, c int) []tensor.View { return []tensor.View{counted(4, r, 3*c)} },
	},
}

// halves are finite, because a signalling NaN comes back quiet.
func halves(rows, cols int) tensor.View {
	v := counted(2, rows, cols)
	raw := v.Data.(tensor.Memory)
	for i := 1; i < len(raw); i += 2 {
		raw[i] &^= 0x40
	}
	return v
}

func TestInverseBringsEverythingBack(t *testing.T) {
	t.Parallel()
	for name, c := range reversible {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.operation.Lossy {
				t.Error("marked as lossy")
			}
			rapid.Check(t, func(t *rapid.T) {
				inputs := c.inputs(rapid.IntRange(0, 20).Draw(t, "rows"), rapid.IntRange(0, 20).Draw(t, "cols"))
				there, err := c.operation.Apply(inputs...)
				if err != nil {
					t.Fatal(err)
				}
				back, err := c.operation.Inverse().Apply(there...)
				if err != nil {
					t.Fatal(err)
				}
				if len(back) != len(inputs) {
					t.Fatalf("%d tensors came back, want %d", len(back), len(inputs))
				}
				for i, v := range back {
					if v.DType != inputs[i].DType || !v.Shape.Equal(inputs[i].Shape) || !bytes.Equal(read(t, v), read(t, inputs[i])) {
						t.Fatalf("input %d came back as %s %s or with other elements", i, v.DType, v.Shape)
					}
				}
			})
		})
	}
}

func TestKeyBiasMustBeZero(t *testing.T) {
	t.Parallel()
	bias := tensor.View{DType: tensor.F32, Shape: tensor.Shape{9}, Data: tensor.Memory(bytes.Repeat([]byte{1}, 36))}
	if _, err := transform.DropKeyBias().Apply(bias); !errors.Is(err, transform.ErrNotZero) {
		t.Errorf("got %v, want ErrNotZero", err)
	}
	clear(bias.Data.(tensor.Memory)[12:24])
	bias.Data.(tensor.Memory)[15] = 0x80 // minus zero
	parts, err := transform.DropKeyBias().Apply(bias)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if raw := read(t, p); !bytes.Equal(raw, bytes.Repeat([]byte{1}, 12)) {
			t.Errorf("a part is % x", raw)
		}
	}
	if _, err := transform.DropZero().Apply(bias); !errors.Is(err, transform.ErrNotZero) {
		t.Errorf("DropZero of values: got %v, want ErrNotZero", err)
	}
	empty, _ := transform.Zeros(tensor.F32, tensor.Shape{5000})
	if rest, err := transform.DropZero().Apply(empty); err != nil || len(rest) != 0 {
		t.Errorf("DropZero of zeros: %d tensors, %v", len(rest), err)
	}
	read(t, empty)
}

// Tables ask for shapes before there are elements.
func TestOperationsWorkOnShapesAlone(t *testing.T) {
	t.Parallel()
	bias := tensor.View{DType: tensor.F32, Shape: tensor.Shape{12}}
	parts, err := transform.DropKeyBias().Apply(bias)
	if err != nil || len(parts) != 2 || !parts[0].Shape.Equal(tensor.Shape{4}) {
		t.Errorf("got %v, %v", parts, err)
	}
	turned, err := transform.TransposeMatrix().Apply(tensor.View{DType: tensor.F32, Shape: tensor.Shape{2, 3}})
	if err != nil || !turned[0].Shape.Equal(tensor.Shape{3, 2}) {
		t.Errorf("got %v, %v", turned, err)
	}
}

func TestLossIsMarked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		operation transform.Operation
		lossy     bool
	}{
		{transform.CastTo(tensor.F32, tensor.F16), true},
		{transform.CastTo(tensor.BF16, tensor.F32), false},
		{transform.Then(transform.TransposeMatrix(), transform.CastTo(tensor.F64, tensor.F32)), true},
		{transform.DropZero(), true},
	} {
		if c.operation.Lossy != c.lossy {
			t.Errorf("%s: lossy %v", c.operation.Name, c.operation.Lossy)
		}
	}
	if _, err := transform.TransposeMatrix().Apply(); err == nil {
		t.Error("too few tensors were accepted")
	}
}
