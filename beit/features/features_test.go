package features_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/features"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// read returns the tensors and the metadata of a safetensors file.
func read(t *testing.T, path string) (map[string]engine.Activation, map[string]string) {
	t.Helper()
	file, err := checkpoint.Open(t.Context(), path, checkpoint.Options{}, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := make(map[string]engine.Activation)
	for _, named := range file.Tensors {
		values, err := tensor.Float64s(named.View)
		if err != nil {
			t.Fatal(err)
		}
		all[named.Name] = engine.Activation{Shape: named.Shape, Values: values}
	}
	return all, file.Metadata
}

// TestFeatures_EqualTimmAndTransformers compares features with what these programs call so.
func TestFeatures_EqualTimmAndTransformers(t *testing.T) {
	t.Parallel()
	for name, model := range map[string]string{
		"digits": "digits/digits_p16_64.timm.safetensors", "hf_model": "family/hf_model", "hf_model_token": "family/hf_model_token",
	} {
		want, _ := read(t, "../../testdata/features/"+name+".safetensors")
		opened, err := convert.Open(t.Context(), "../../testdata/"+model, convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		norm, err := features.ReadNorm(opened.Config, opened.Tensors)
		if err != nil || (norm != nil) != (name == "hf_model_token") {
			t.Fatalf("%s: norm %v, %v", name, norm, err)
		}
		loaded, err := native.Engine{}.Load(t.Context(), opened.Config, opened.Tensors, engine.Options{DType: tensor.F64})
		if err != nil {
			t.Fatal(err)
		}
		defer loaded.Close()
		pixels := make([]float32, len(want["input"].Values))
		for i, v := range want["input"].Values {
			pixels[i] = float32(v)
		}
		for _, wanted := range []string{features.Pool, features.Tokens} {
			f, err := features.New(opened.Config, norm, wanted)
			if err != nil {
				t.Fatal(err)
			}
			var seen engine.Activation
			if _, err := loaded.Forward(t.Context(), engine.Input{Pixels: pixels}, func(a engine.Activation) error {
				if a.Name == f.Stage.String() {
					seen = a
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if !f.Shape.Equal(want[wanted].Shape[1:]) {
				t.Errorf("%s %s: shape %s, want %s", name, wanted, f.Shape, want[wanted].Shape)
			}
			for i, v := range f.Of(seen) {
				if w := want[wanted].Values[i]; !(math.Abs(v-w) < 2e-6*(1+math.Abs(w))) { // transformers' softmax computes in float32
					t.Fatalf("%s %s: value %d is %g, want %g", name, wanted, i, v, w)
				}
			}
		}
	}
}

func TestNew_UnknownNames(t *testing.T) {
	t.Parallel()
	config := arch.Config{Depth: 3, EmbedDim: 8, Pooling: arch.NoPooling, ImageHeight: 32, ImageWidth: 32, PatchSize: 16, Channels: 3}
	for _, name := range []string{"pool", "token", "blocks.3", "blocks.1.attn", "embed", ""} {
		_, err := features.New(config, nil, name)
		if unknown := (*features.NameError)(nil); !errors.As(err, &unknown) || !errors.Is(err, errdef.ErrUsage) || !strings.Contains(unknown.Hint(), "blocks.2") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if f, err := features.New(config, nil, "blocks.1"); err != nil || f.Stage != (engine.Stage{Kind: engine.Block, Block: 1}) || f.Shape.String() != "[5, 8]" {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestNewSafetensors_LeavesOut writes fewer pictures than there is room for, with names that JSON escapes, and reads the file with the reader of checkpoints.
func TestNewSafetensors_LeavesOut(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f.safetensors")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, err := features.NewSafetensors(file, map[string]string{"model": "m"}, tensor.Shape{2, 2}, tensor.F32, []string{"a\"b", "left out", "é\n"})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"a\"b", "é\n"} {
		if err := w.Add(name, []float64{float64(i), 0.5, -1, 1e-3}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	tensors, metadata := read(t, path)
	if diff := cmp.Diff(map[string]string{"model": "m", "format": features.Format, "names": `["a\"b","é\n"]`}, metadata); diff != "" {
		t.Error(diff)
	}
	if got := tensors["features"]; got.Shape.String() != "[2, 2, 2]" || got.Values[4] != 1 || got.Values[6] != -1 || len(tensors) != 1 {
		t.Errorf("got %v", tensors)
	}
	if _, err := features.NewSafetensors(file, nil, tensor.Shape{1}, tensor.F32, []string{strings.Repeat("x", 100_000_001)}); !errors.Is(err, errdef.ErrUsage) {
		t.Errorf("a header that is too long: %v", err)
	}
}

func TestNewLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w, err := features.NewLines(&out, map[string]string{"model": "m"}, tensor.Shape{2, 1}, tensor.F32)
	if err == nil {
		err = w.Add("<a>", []float64{float64(float32(0.1)), -2})
	}
	if err == nil {
		err = w.Finish()
	}
	want := `{"format":"beitzoo.features.v1","model":"m","shape":[2,1]}` + "\n" + `{"image":"<a>","features":[[0.1],[-2]]}` + "\n"
	if err != nil || out.String() != want {
		t.Errorf("%v, %s", err, out.String())
	}
	for line := range strings.Lines(out.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// TestIsOwn: files of features are told from all others, whatever their names.
func TestIsOwn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	put := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, dtype := range map[string]tensor.DType{"f32": tensor.F32, "f64": tensor.F64} {
		var lines bytes.Buffer
		l, err := features.NewLines(&lines, map[string]string{"beitzoo": "v1"}, tensor.Shape{2}, dtype)
		if err := errors.Join(err, l.Add("a", []float64{1, 2}), l.Finish()); err != nil {
			t.Fatal(err)
		}
		file, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		s, err := features.NewSafetensors(file, nil, tensor.Shape{2}, dtype, []string{"a"})
		if err := errors.Join(err, s.Add("a", []float64{1, 2}), s.Finish(), file.Close()); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{put("lines", lines.Bytes()), file.Name()} {
			if own, err := features.IsOwn(path); err != nil || !own {
				t.Errorf("%s: %v, %v", path, own, err)
			}
		}
	}
	weights, err := os.ReadFile("../../testdata/tiny/tiny_p16_32.hf/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"empty": {}, "brace": []byte("{"), "object": []byte(`{"format": "beitzoo.answers.v1"}`), "other lines": []byte(`{"image": "x.png"}` + "\n"), "words": []byte("my thesis, of many words"),
		"weights": weights, "picture": append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 100)...),
	} {
		if own, err := features.IsOwn(put(name, content)); err != nil || own {
			t.Errorf("%s: %v, %v", name, own, err)
		}
	}
	if _, err := features.IsOwn(filepath.Join(folder, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}
