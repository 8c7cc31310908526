package adapt_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestApply_ResizesAsPrograms compares with what unilm's and timm's own code made of the same parameters in float32.
func TestApply_ResizesAsPrograms(t *testing.T) {
	t.Parallel()
	file, err := checkpoint.Open(t.Context(), "testdata/resized.safetensors", checkpoint.Options{}, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	recorded := map[string]tensor.View{}
	sizes := map[string]bool{}
	for _, n := range file.Tensors {
		recorded[n.Name] = n.View
		program, rest, _ := strings.Cut(n.Name, ".")
		size, _, _ := strings.Cut(rest, ".")
		if program != "before" {
			sizes[program+"."+size] = true
		}
	}
	if len(sizes) != 6 {
		t.Errorf("the recording has %d sizes", len(sizes))
	}
	config := arch.Config{
		ImageHeight: 224, ImageWidth: 224, PatchSize: 16, Channels: 3, EmbedDim: 8, HiddenDim: 8, Depth: 1, Heads: 2, Classes: 3, Pooling: arch.MeanPooling,
		Bias: arch.BlockBias, AbsolutePosition: true, LayerScale: true, Epsilon: arch.Epsilon,
	}
	parameters := synth.Weights(config, 0)
	for i, n := range parameters {
		if view, ok := recorded["before."+n.Name]; ok {
			parameters[i].View = view
		}
	}
	for size := range sizes {
		t.Run(size, func(t *testing.T) {
			program, numbers, _ := strings.Cut(size, ".")
			options := adapt.Options{Resize: adapt.Method(program)}
			if _, err := fmt.Sscanf(numbers, "%dx%d", &options.ImageHeight, &options.ImageWidth); err != nil {
				options.ImageWidth = options.ImageHeight
			}
			result, err := adapt.Apply(card.Card{Config: config}, parameters, options)
			if err != nil {
				t.Fatal(err)
			}
			compared := 0
			for _, n := range result.Tensors {
				if want, ok := recorded[size+"."+n.Name]; ok {
					compare(t, n, want)
					compared++
				}
			}
			if compared != 2 {
				t.Errorf("%d tensors were compared", compared)
			}
		})
	}
}

func compare(t *testing.T, got tensor.Named, want tensor.View) {
	t.Helper()
	if !got.Shape.Equal(want.Shape) || got.DType != want.DType {
		t.Errorf("%s is %s %s instead of %s %s", got.Name, got.DType, got.Shape, want.DType, want.Shape)
		return
	}
	a, err := tensor.Float64s(got.View)
	if err != nil {
		t.Fatal(err)
	}
	b, err := tensor.Float64s(want)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i := range a {
		worst = max(worst, math.Abs(a[i]-b[i])) // NaN if any is
	}
	if !(worst <= 1e-6) {
		t.Errorf("%s differs by %g", got.Name, worst)
	}
}
