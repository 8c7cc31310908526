//go:build libtorch

package torch

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/zoo/arch"
	"github.com/beitzoo/beitzoo/zoo/engine"
)

const testdata = "../../../testdata"

// recording is what another program computed.
type recording struct {
	name   string
	config arch.Config
	dtype  tensor.DType
	input  engine.Input
	// taps has every activation that was recorded.
	taps map[string][]float64
}

var recordedDTypes = map[string]tensor.DType{"float64": tensor.F64, "float32": tensor.F32, "bfloat16": tensor.BF16, "float16": tensor.F16}

func readRecording(t testing.TB, path string) recording {
	t.Helper()
	file, err := checkpoint.Open(context.Background(), path, checkpoint.Options{}, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	r := recording{name: strings.TrimSuffix(filepath.Base(path), ".recording.safetensors"), taps: map[string][]float64{}}
	if r.config, err = arch.ByName(file.Metadata["architecture"]); err != nil {
		t.Fatal(err)
	}
	if r.config.Epsilon, err = strconv.ParseFloat(file.Metadata["epsilon"], 64); err != nil {
		t.Fatal(err)
	}
	r.dtype = recordedDTypes[file.Metadata["dtype"]]
	for _, recorded := range file.Tensors {
		values, err := tensor.Float64s(recorded.View)
		if err != nil {
			t.Fatal(err)
		}
		r.take(recorded.Name, values)
	}
	if r.input.Pixels == nil {
		r.input.Pixels = probes(r.config, len(r.taps["logits"])/r.config.Classes)
	}
	return r
}

// take keeps one recorded tensor. The masked-image-modelling recording has the class token in its pool, which engines leave out.
func (r *recording) take(name string, values []float64) {
	switch name {
	case "input":
		for _, v := range values {
			r.input.Pixels = append(r.input.Pixels, float32(v))
		}
	case "mask":
		for _, v := range values {
			r.input.Mask = append(r.input.Mask, v != 0)
		}
	case "pool":
		if r.config.Pooling == arch.AllTokens {
			size := r.config.Tokens() * r.config.EmbedDim
			var kept []float64
			for ; len(values) > 0; values = values[size:] {
				kept = append(kept, values[r.config.EmbedDim:size]...)
			}
			values = kept
		}
		fallthrough
	default:
		r.taps[name] = values
	}
}

// probes are the recipe's images.
func probes(config arch.Config, images int) []float32 {
	var pixels []float32
	for i := range images {
		for _, u := range unit(fmt.Sprintf("input.%d", i), 3*config.ImageHeight*config.ImageWidth) {
			pixels = append(pixels, float32(2*u))
		}
	}
	return pixels
}

// weights are those of the model that the recording is of.
func (r recording) weights(t testing.TB) []tensor.Named {
	t.Helper()
	if r.config.Name != "digits_p16_64" {
		return recipe(t, r.config)
	}
	file, err := checkpoint.Open(context.Background(), filepath.Join(testdata, "digits", "digits_p16_64.timm.safetensors"), checkpoint.Options{}, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file.Tensors
}
