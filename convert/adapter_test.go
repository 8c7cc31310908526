package convert_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestOpen_Adapter opens an adapter that PEFT 0.21.2 saved for a model of transformers: alone, in its folder, and beside the weights that it adapts.
func TestOpen_Adapter(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "adapter_model.safetensors")
	_, err := convert.Open(t.Context(), path, convert.OpenOptions{})
	var adapter *naming.AdapterError
	if !errors.As(err, &adapter) || adapter.Whole || !strings.Contains(adapter.Name, "lora_A") || !strings.Contains(errdef.Hint(err), "merge_and_unload()") {
		t.Errorf("got %v (%s)", err, errdef.Hint(err))
	}
	inspection, err := convert.Inspect(t.Context(), path, convert.InspectOptions{})
	if err != nil || !errors.As(inspection.Problem, &adapter) || len(inspection.Tensors) != 10 {
		t.Errorf("inspected: %v", err)
	}

	folder := t.TempDir()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"adapter_model.safetensors": raw, "adapter_config.json": []byte("{}"), "README.md": nil} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := convert.Open(t.Context(), folder, convert.OpenOptions{}); !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(errdef.Hint(err), "merge_and_unload()") {
		t.Errorf("the folder: %v (%s)", err, errdef.Hint(err))
	}

	view := tensor.View{DType: tensor.F32, Shape: tensor.Shape{1}, Data: tensor.Memory(make([]byte, 4))}
	var tensors []tensor.Named
	for _, name := range []string{
		"base_model.model.beit.layers.0.attention.q_proj.base_layer.weight", "base_model.model.beit.layers.0.attention.q_proj.lora_A.default.weight",
	} {
		tensors = append(tensors, tensor.Named{Name: name, View: view})
	}
	if _, err := naming.Read(t.Context(), tensors, naming.Options{}); !errors.As(err, &adapter) || !adapter.Whole || !strings.Contains(adapter.Hint(), "model.merge_and_unload()") {
		t.Errorf("not merged: %v", err)
	}
}
