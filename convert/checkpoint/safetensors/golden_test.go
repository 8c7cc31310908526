package safetensors_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestSameBytesAsReference writes files of the reference implementation again: timm's and transformers' checkpoints, and one with every
// element type and rank 0, made by safetensors 0.8.0 with torch.arange bytes under the names a.TYPE (scalar) and b.TYPE (2 x 3).
func TestSameBytesAsReference(t *testing.T) {
	t.Parallel()
	reference, err := os.ReadFile("testdata/reference.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"every type": reference,
		"timm":       file(t, "digits", "digits_p16_64.timm.safetensors"),
		"hf":         file(t, "digits", "hf", "model.safetensors"),
		"hf, tiny":   file(t, "tiny", "tiny_p16_32.hf", "model.safetensors"),
	} {
		opened, err := safetensors.Format.Read(context.Background(), content, checkpoint.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again := written(t, opened.Tensors, opened.Metadata); !bytes.Equal(again, content) {
			t.Errorf("%s: %d other bytes instead of %d", name, len(again), len(content))
		}
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	opened, err := safetensors.Format.Read(context.Background(), file(t, "tiny", "tiny_p16_32.unilm.float64.recording.safetensors"), checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"format": "beitzoo.recording.v1", "architecture": "tiny_p16_32", "framework": "PyTorch", "framework_version": "2.11.0+cu130",
		"implementation": "unilm beit (768a3c8)", "dtype": "float64", "epsilon": "1e-06", "seed": "0", "input": "stored",
	}
	if diff := cmp.Diff(want, opened.Metadata); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, test := range map[string]struct{ given, want map[string]string }{
		"default":  {nil, map[string]string{"format": "pt"}},
		"added":    {map[string]string{"a": "\"<\u2028>"}, map[string]string{"a": "\"<\u2028>", "format": "pt"}},
		"replaced": {map[string]string{"format": "pd"}, map[string]string{"format": "pd"}},
	} {
		opened, err := safetensors.Format.Read(context.Background(), written(t, mixed(), test.given), checkpoint.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, opened.Metadata); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := layout([]tensor.Named{{Name: "__metadata__", View: view(tensor.F32, nil, 0)}}); err == nil {
		t.Error("a tensor is written under the name of the metadata")
	}
	if _, err := layout([]tensor.Named{{Name: "w", View: view(tensor.C128, nil, 0)}}); err == nil {
		t.Error("a tensor is written with an element type that the format lacks")
	}
	if _, err := safetensors.Layout(nil, map[string]string{"bad": "\xff"}); err == nil {
		t.Error("metadata that is not UTF-8 is written")
	}
}
