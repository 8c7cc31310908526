package engine_test

import (
	"errors"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
)

func TestImages_TakesWhatTheModelReads(t *testing.T) {
	t.Parallel()
	pixels := make([]float32, 2*3*32*32) // two pictures of the digits' dVAE, whose tokens are 4 x 4
	for _, c := range []struct {
		architecture string
		input        engine.Input
		images       int
		problem      string
	}{
		{"digits_dvae_encoder", engine.Input{Pixels: pixels}, 2, ""},
		{"digits_dvae_encoder", engine.Input{Pixels: pixels[1:]}, 0, "pixels"},
		{"digits_dvae_encoder", engine.Input{Tokens: make([]int32, 16)}, 0, "pixels"},
		{"digits_dvae_encoder", engine.Input{Pixels: pixels, Tokens: make([]int32, 32)}, 0, "tokens"},
		{"digits_dvae_encoder", engine.Input{Pixels: pixels, Mask: make([]bool, 32)}, 0, "mask"},
		{"digits_dvae_decoder", engine.Input{Tokens: make([]int32, 48)}, 3, ""},
		{"digits_dvae_decoder", engine.Input{Tokens: []int32{15: 31}}, 1, ""},
		{"digits_dvae_decoder", engine.Input{Tokens: []int32{15: 32}}, 0, "tokens"},
		{"digits_dvae_decoder", engine.Input{Tokens: []int32{3: -1, 15: 0}}, 0, "tokens"},
		{"digits_dvae_decoder", engine.Input{Tokens: make([]int32, 17)}, 0, "tokens"},
		{"digits_dvae_decoder", engine.Input{}, 0, "tokens"},
		{"digits_dvae_decoder", engine.Input{Pixels: pixels, Tokens: make([]int32, 32)}, 0, "pixels"},
		{"digits_dvae_decoder", engine.Input{Tokens: make([]int32, 16), Mask: make([]bool, 16)}, 0, "mask"},
	} {
		config, err := arch.ByName(c.architecture)
		if err != nil {
			t.Fatal(err)
		}
		images, err := engine.Images(config, c.input)
		var problem *engine.InputError
		if images != c.images || errors.As(err, &problem) != (c.problem != "") || problem != nil && problem.What != c.problem {
			t.Errorf("%s: %d images and error %v, want %d and one about %q", c.architecture, images, err, c.images, c.problem)
		}
	}
}
