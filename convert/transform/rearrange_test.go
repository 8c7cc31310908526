package transform_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

// numbered returns a tensor of I32 whose elements are 0, 1, 2 ...
func numbered(shape ...int) tensor.View {
	n := 1
	for _, length := range shape {
		n *= length
	}
	var raw []byte
	for i := range n {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(i))
	}
	return tensor.View{DType: tensor.I32, Shape: shape, Data: tensor.Memory(raw)}
}

// What NumPy makes of numpy.arange(n).reshape(shape) by the expression in the name, flattened.
func TestRearranging_AsNumPyDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		operation transform.Operation
		in        tensor.View
		shape     tensor.Shape
		want      []int
	}{
		{"a.transpose(3, 2, 0, 1)", transform.ReverseKernel(), numbered(2, 1, 2, 2), tensor.Shape{2, 2, 2, 1}, []int{0, 4, 2, 6, 1, 5, 3, 7}},
		{"a.reshape(1, 2, 2, 3).transpose(0, 3, 1, 2)", transform.FoldPatches(transform.ChannelsLast, 3), numbered(1, 12), tensor.Shape{1, 3, 2, 2}, []int{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}},
		{"a.reshape(1, 3, 2, 2)", transform.FoldPatches(transform.ChannelsFirst, 3), numbered(1, 12), tensor.Shape{1, 3, 2, 2}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"a.reshape(2, 3, 2).transpose(1, 0, 2).reshape(12)", transform.OrderHeads("hqd", 2), numbered(12), tensor.Shape{12}, []int{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11}},
		{"a.reshape(2, 2, 3).transpose(2, 0, 1).reshape(12, 1)", transform.OrderHeads("hdq", 2), numbered(12, 1), tensor.Shape{12, 1}, []int{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}},
		{"a.reshape(2, 3, 2).transpose(1, 2, 0).reshape(12)", transform.OrderHeads("dqh", 2), numbered(12), tensor.Shape{12}, []int{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11}},
		{"a.reshape(3, 2).T.reshape(6)", transform.OrderHeads("dh", 2), numbered(6), tensor.Shape{6}, []int{0, 2, 4, 1, 3, 5}},
		{"a.reshape(6, 2)", transform.MergeFirst(2), numbered(2, 3, 2), tensor.Shape{6, 2}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"a.reshape(2, 6)", transform.MergeLast(3), numbered(2, 3, 2), tensor.Shape{2, 6}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"a[None, None]", transform.AddAxes(2), numbered(3), tensor.Shape{1, 1, 3}, []int{0, 1, 2}},
		{"a[0]", transform.RemoveAxes(1), numbered(1, 3), tensor.Shape{3}, []int{0, 1, 2}},
	} {
		made, err := c.operation.Apply(c.in)
		if err != nil || len(made) != 1 || !made[0].Shape.Equal(c.shape) {
			t.Errorf("%s: %v, %v", c.name, made, err)
			continue
		}
		raw := read(t, made[0])
		for i, want := range c.want {
			if got := binary.LittleEndian.Uint32(raw[4*i:]); int(got) != want {
				t.Errorf("%s: element %d is %d, want %d", c.name, i, got, want)
			}
		}
		back, err := c.operation.Inverse().Apply(made...)
		if err != nil || !back[0].Shape.Equal(c.in.Shape) || !bytes.Equal(read(t, back[0]), read(t, c.in)) {
			t.Errorf("%s: there and back is %v, %v", c.name, back, err)
		}
	}
}

// rearranging are operations on one tensor that move or regroup its elements.
var rearranging = map[string]struct {
	operation transform.Operation
	input     func(a, b int) tensor.View
}{
	"axes":      {transform.AddAxes(2), func(a, b int) tensor.View { return counted(4, a, b) }},
	"no axes":   {transform.RemoveAxes(2), func(a, b int) tensor.View { return counted(4, 1, 1, a, b) }},
	"first":     {transform.MergeFirst(3), func(a, b int) tensor.View { return counted(2, 3, a, b) }},
	"last":      {transform.MergeLast(3), func(a, b int) tensor.View { return counted(2, a, 3, b) }},
	"kernel":    {transform.ReverseKernel(), func(a, b int) tensor.View { return counted(4, a, b, 2, 3) }},
	"rows":      {transform.FoldPatches(transform.ChannelsLast, 3), func(a, b int) tensor.View { return counted(4, a, 3*(b+1)*(b+1)) }},
	"rows, chw": {transform.FoldPatches(transform.ChannelsFirst, 1), func(a, b int) tensor.View { return counted(8, a, (b+1)*(b+1)) }},
	"heads hqd": {transform.OrderHeads("hqd", 2), func(a, b int) tensor.View { return counted(4, 6*a, b) }},
	"heads dhq": {transform.OrderHeads("dhq", 5), func(a, b int) tensor.View { return counted(16, 15*a) }},
	"heads dh":  {transform.OrderHeads("dh", 3), func(a, b int) tensor.View { return counted(1, 3*a, b) }},
	"each":      {transform.Each(1, transform.TransposeMatrix()), func(a, b int) tensor.View { return counted(4, a, b) }},
}

func TestRearranging_ThereAndBack(t *testing.T) {
	t.Parallel()
	for name, c := range rearranging {
		rapid.Check(t, func(t *rapid.T) {
			in := c.input(rapid.IntRange(0, 6).Draw(t, "a"), rapid.IntRange(0, 6).Draw(t, "b"))
			made, err := c.operation.Apply(in)
			if err != nil {
				t.Fatalf("%s of %s: %v", name, in.Shape, err)
			}
			back, err := c.operation.Inverse().Apply(made...)
			if err != nil || !back[0].Shape.Equal(in.Shape) || !bytes.Equal(read(t, back[0]), read(t, in)) {
				t.Fatalf("%s of %s came back as %v, %v", name, in.Shape, back, err)
			}
			again, err := c.operation.Inverse().Inverse().Apply(in)
			if err != nil || !bytes.Equal(read(t, again[0]), read(t, made[0])) {
				t.Fatalf("%s of %s: the inverse of the inverse is another operation: %v", name, in.Shape, err)
			}
			// of a shape alone
			shape, err := c.operation.Apply(tensor.View{DType: in.DType, Shape: in.Shape})
			if err != nil || shape[0].Data != nil || !shape[0].Shape.Equal(made[0].Shape) {
				t.Fatalf("%s of the shape %s alone: %v, %v", name, in.Shape, shape, err)
			}
		})
	}
}

func TestRearranging_RefusesOtherShapes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		operation transform.Operation
		in        tensor.View
	}{
		"axis that is not 1": {transform.RemoveAxes(1), numbered(2, 3)},
		"too few axes":       {transform.RemoveAxes(2), numbered(1)},
		"another first axis": {transform.MergeFirst(3), numbered(2, 3)},
		"one axis":           {transform.MergeLast(2), numbered(2)},
		"no kernel":          {transform.ReverseKernel(), numbered(2, 3)},
		"no square":          {transform.FoldPatches(transform.ChannelsFirst, 3), numbered(2, 6)},
		"no pixels":          {transform.FoldPatches(transform.ChannelsFirst, 3), numbered(2, 4)},
		"not square":         {transform.FoldPatches(transform.ChannelsLast, 3).Inverse(), numbered(2, 3, 2, 1)},
		"heads":              {transform.OrderHeads("hqd", 2), numbered(8)},
		"scalar":             {transform.OrderHeads("hd", 2), numbered()},
		"indivisible":        {transform.MergeFirst(2).Inverse(), numbered(3)},
		"rank 0 split":       {transform.MergeLast(2).Inverse(), numbered()},
		"one of several":     {transform.Each(1, transform.ReverseKernel()), numbered(2)},
	} {
		var shape *transform.ShapeError
		if _, err := c.operation.Apply(c.in); !errors.As(err, &shape) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestIsHeadOrder(t *testing.T) {
	t.Parallel()
	for order, want := range map[string]bool{"qhd": true, "hqd": true, "dqh": true, "hd": true, "dh": true, "": false, "q": false, "qh": false, "qqd": false, "qhdd": false, "xhd": false} {
		if got := transform.IsHeadOrder(order); got != want {
			t.Errorf("%q: %v", order, got)
		}
	}
}
