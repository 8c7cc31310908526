package recording

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/tensor"
)

// FuzzParse makes sure that a recording that parses, rounded to its dtype, is the same after encoding and parsing it again.
func FuzzParse(f *testing.F) {
	for _, r := range []*Recording{
		{
			DType: tensor.F32, Architecture: "a", Epsilon: 1e-6, Images: 1, Pixels: make([]float32, 12), Channels: 3, Height: 2, Width: 2, Mask: []bool{true, false}, Labels: []int64{3},
			Activations: []engine.Activation{{Name: "embed", Shape: tensor.Shape{1, 2, 1}, Values: []float64{1, 2}}, {Name: "logits", Shape: tensor.Shape{1, 2}, Values: []float64{3, 4}}},
		},
		{DType: tensor.F64, Images: 2, Probes: &Probes{First: 1, Last: 2, Seed: 7}, Activations: []engine.Activation{{Name: "blocks.1.attn", Shape: tensor.Shape{2}, Values: []float64{0.1, 5}}}},
	} {
		parts, err := safetensors.Layout(r.tensors(), r.metadata())
		if err != nil {
			f.Fatal(err)
		}
		var file bytes.Buffer
		for _, p := range parts {
			if p.Fill != nil {
				file.Write(p.Fill(nil))
			} else if _, err := p.Data.WriteTo(&file); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(file.Bytes())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !safetensors.Format.Match(raw) {
			return
		}
		file, err := safetensors.Format.Read(t.Context(), raw, checkpoint.Options{})
		if err != nil {
			return
		}
		first, err := Parse(file.Tensors, file.Metadata)
		if err != nil {
			return
		}
		second := again(t, first)
		if diff := cmp.Diff(second, again(t, second), sameBits); diff != "" {
			t.Error(diff)
		}
		first.Activations, second.Activations = nil, nil
		if diff := cmp.Diff(first, second, sameBits); diff != "" {
			t.Error(diff)
		}
	})
}

// sameBits regards NaN as equal to NaN.
var sameBits = cmp.Options{
	cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b }),
	cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b }),
}

func again(t *testing.T, r *Recording) *Recording {
	t.Helper()
	parsed, err := Parse(r.tensors(), r.metadata())
	if err != nil {
		t.Fatalf("an encoded recording does not parse: %v", err)
	}
	return parsed
}
