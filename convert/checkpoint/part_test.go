package checkpoint_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/tensor"
)

// twoModels writes a file that holds a model, its moving average and a loss, each tensor with its whole name as content, and returns its path.
func twoModels(t *testing.T, folder, file string, names ...string) string {
	t.Helper()
	var tensors []tensor.Named
	for _, name := range names {
		tensors = append(tensors, tensor.Named{Name: name, View: tensor.View{DType: tensor.U8, Shape: tensor.Shape{len(name)}, Data: tensor.Memory(name)}})
	}
	parts, err := safetensors.Layout(tensors, nil)
	if err != nil {
		t.Fatal(err)
	}
	content, err := checkpointtest.Assemble(parts)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, file)
	write(t, path, string(content))
	return path
}

// TestOpen_SelectsByPrefix takes one of two models in a file, and in an index of shards.
func TestOpen_SelectsByPrefix(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	single := twoModels(t, folder, "two.safetensors", "ema.a", "ema.b", "net.a", "net.b", "loss.weight")
	sharded := filepath.Join(folder, "sharded")
	if err := os.Mkdir(sharded, 0o700); err != nil {
		t.Fatal(err)
	}
	twoModels(t, sharded, "one.safetensors", "ema.a", "net.a", "net.b")
	twoModels(t, sharded, "two.safetensors", "ema.b", "loss.weight")
	write(t, filepath.Join(sharded, "model.safetensors.index.json"),
		`{"weight_map":{"ema.a":"one.safetensors","net.a":"one.safetensors","net.b":"one.safetensors","ema.b":"two.safetensors","loss.weight":"two.safetensors"}}`)
	for _, path := range []string{single, sharded} {
		for _, choice := range []string{"ema", "ema."} {
			opened, err := checkpoint.Open(context.Background(), path, checkpoint.Options{Select: choice}, safetensors.Format)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, made := range opened.Tensors {
				raw, err := made.Bytes()
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, made.Name+"="+string(raw))
			}
			slices.Sort(got)
			if diff := cmp.Diff([]string{"a=ema.a", "b=ema.b"}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
			if opened.Wrapper != "ema" || !slices.Equal(opened.Others, []string{"net"}) {
				t.Errorf("%s: %q was taken, others are %q", path, opened.Wrapper, opened.Others)
			}
			if notes := strings.Join(opened.Notes, "; "); !strings.Contains(notes, `begin with "ema."`) || !strings.Contains(notes, `"loss.weight"`) {
				t.Errorf("%s: notes %q", path, notes)
			}
			opened.Close()
		}
		_, err := checkpoint.Open(context.Background(), path, checkpoint.Options{Select: "em"}, safetensors.Format)
		var problem *checkpoint.Error
		if !errors.As(err, &problem) || !errors.Is(err, checkpoint.ErrNoModel) || !slices.Equal(problem.Keys, []string{"ema", "net"}) || problem.Path == "" {
			t.Errorf("%s: got %v", path, err)
		}
	}
}
