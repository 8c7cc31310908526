package convert_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestModel_RewriteIsLikeItsSource writes models with other values, and looks at how the output is named, wrapped and described.
func TestModel_RewriteIsLikeItsSource(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		source, output          string
		format, scheme, wrapper string
	}{
		{"digits_p16_64.unilm.pth", "x.pth", "pytorch", "unilm", "model"},
		{"digits_p16_64.timm.pth", "x.pth", "pytorch", "timm", ""},
		{"digits_p16_64.timm.safetensors", "x.safetensors", "safetensors", "timm", ""},
		{"digits_p16_64.timm.safetensors", "x.pth", "pytorch", "unilm", "model"},
		{"digits_p16_64.unilm.pth", "x.pdparams", "paddle", "passl", ""},
		{"hf", "x/", "safetensors", "hf", ""},
	} {
		t.Run(c.source+" to "+c.output, func(t *testing.T) {
			t.Parallel()
			model, err := convert.Open(t.Context(), filepath.Join("..", "testdata", "digits", c.source), convert.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			changed := append([]tensor.Named(nil), model.Tensors...)
			for i, w := range changed {
				if w.Name == "blocks.0.gamma_1" {
					zero := make(tensor.Memory, 4*48)
					changed[i].Data = zero
				}
			}
			output, checked := filepath.Join(t.TempDir(), c.output)+map[bool]string{true: "/"}[c.output == "x/"], false
			step := adapt.Step{Name: adapt.StepRepair, What: "a test", Tensors: []string{"blocks.0.gamma_1"}}
			saved, err := model.Rewrite(t.Context(), output, changed, step, convert.SaveOptions{Prove: true, Check: func(_ context.Context, written *convert.Model) error {
				checked = len(written.Tensors) == len(changed)
				return nil
			}})
			if err != nil || !checked || saved.Format != c.format || saved.Scheme != c.scheme || saved.Wrapper != c.wrapper {
				t.Fatalf("%v, checked %v: %+v", err, checked, saved)
			}
			again, err := convert.Open(t.Context(), output, convert.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if c.format == "safetensors" && (len(again.Steps) != 1 || again.Steps[0].What != "a test") {
				t.Errorf("steps %+v", again.Steps)
			}
		})
	}
}

// TestModel_RewriteLeavesNothing wants no file if the check fails, and keeps its source.
func TestModel_RewriteLeavesNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "digits", "digits_p16_64.timm.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(folder, "source.safetensors")
	if err := os.WriteFile(source, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	model, err := convert.Open(t.Context(), source, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	refusal := errors.New("no")
	for _, output := range []string{"x.safetensors", "x.pth", "x.pdparams", "x/"} {
		_, err := model.Rewrite(t.Context(), folder+"/"+output, model.Tensors, adapt.Step{Name: adapt.StepRepair}, convert.SaveOptions{
			Check: func(context.Context, *convert.Model) error { return refusal },
		})
		if !errors.Is(err, refusal) {
			t.Errorf("%s: %v", output, err)
		}
	}
	var same *convert.SameFileError
	if _, err := model.Rewrite(t.Context(), source, model.Tensors, adapt.Step{Name: adapt.StepRepair}, convert.SaveOptions{}); !errors.As(err, &same) {
		t.Errorf("over its source: %v", err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}
