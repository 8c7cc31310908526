package native

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestShares_BatchDoesNotMatter compares images of a batch that takes several groups with each of them alone, to the bit.
func TestShares_BatchDoesNotMatter(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	const images = 62 // more tokens than one group has
	parts, err := Engine{}.Parts(config, synth.Weights(config, 0), engine.Options{DType: tensor.F64, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	stem, err := parts.Load(engine.Stage{Kind: engine.Embed})
	if err != nil {
		t.Fatal(err)
	}
	shares, err := parts.LoadShares(0)
	if err != nil {
		t.Fatal(err)
	}
	pixels := synth.Images(images, config, 0)
	of := func(pixels []float32) []float64 {
		before, err := stem(t.Context(), engine.Input{Pixels: pixels})
		if err != nil {
			t.Fatal(err)
		}
		all, err := shares(t.Context(), before[0])
		if err != nil {
			t.Fatal(err)
		}
		return all.Values
	}
	all := of(pixels)
	one, pixelsOfOne := len(all)/images, len(pixels)/images
	for _, n := range []int{0, 29, 30, 31, images - 1} {
		if diff := cmp.Diff(all[n*one:(n+1)*one], of(pixels[n*pixelsOfOne:(n+1)*pixelsOfOne])); diff != "" {
			t.Errorf("image %d alone: %s", n, diff)
		}
	}
	for line := all; len(line) > 0; line = line[config.Tokens():] {
		sum := 0.0
		for _, share := range line[:config.Tokens()] {
			sum += share
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("what a token takes sums to %v", sum)
		}
	}
}
