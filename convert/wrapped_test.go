package convert_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// What training programs put around a model is removed, what they put beside it is left out, both are said, and the parameters are those of the model.
func TestOpen_TrainingPrograms(t *testing.T) {
	t.Parallel()
	counter, loss := `left out 1 tensor beside the model: "n_averaged" (a counter of a training program)`, `left out 1 tensor beside the model: "criterion.weight" (a weight of a loss)`
	compiled := `removed "_orig_mod." from 32 names, which a wrapper of a training program put there`
	for _, c := range []struct {
		file  string
		tiny  bool // the parameters are those of tiny_p16_32
		notes []string
	}{
		{"swa.pth", false, []string{counter, `removed "module." from 39 names`}},
		{"blocks_compiled.pth", false, []string{compiled}},
		{"averaged.pth", true, []string{counter, `removed "module." from 39 names`}},
		{"compile_each_block.pth", true, []string{compiled}},
		{"lit_model_loss.ckpt", true, []string{loss, `the names of the model begin with "model.", which was removed`}},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("..", "testdata", "wrapped", c.file)
			model, err := convert.Open(t.Context(), path, convert.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			for _, note := range c.notes {
				if !strings.Contains(strings.Join(model.Notes, "\n"), note) {
					t.Errorf("notes %q lack %q", model.Notes, note)
				}
			}
			if _, err := convert.Convert(t.Context(), path, filepath.Join(t.TempDir(), "x.safetensors"), convert.Options{SaveOptions: convert.SaveOptions{To: naming.HF, Prove: true}}); err != nil {
				t.Error(err)
			}
			if !c.tiny {
				return
			}
			difference, err := convert.Diff(t.Context(), filepath.Join("..", "testdata", "tiny", "tiny_p16_32.unilm.pth"), path, convert.OpenOptions{}, convert.OpenOptions{})
			if err != nil || !difference.Equal {
				t.Errorf("the parameters differ from those of tiny_p16_32: %v", err)
			}
		})
	}
}

// A head that a file keeps beside its model is not lost in silence: the model is taken without it only if that was asked for.
func TestOpen_HeadBeside(t *testing.T) {
	t.Parallel()
	for file, c := range map[string]struct {
		dict  string
		heads []string
	}{
		"head_beside.pth":         {"model", []string{"head"}},
		"head_tensors_beside.pth": {"state_dict", []string{"fc.weight", "fc.bias"}},
	} {
		path := filepath.Join("..", "testdata", "wrapped", file)
		_, err := convert.Open(t.Context(), path, convert.OpenOptions{})
		var beside *convert.HeadBesideError
		if !errors.As(err, &beside) || beside.StateDict != c.dict || !slices.Equal(beside.Heads, c.heads) {
			t.Errorf("%s: %v", file, err)
		}
		for _, options := range []convert.OpenOptions{{Select: c.dict}, {Headless: true}} {
			model, err := convert.Open(t.Context(), path, options)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			defer model.Close()
			if model.Config.Classes != 0 {
				t.Errorf("%s: %+v", file, model.Config)
			}
		}
		mustConvert(t, path, filepath.Join(t.TempDir(), "x.pth"), convert.Options{Adapt: adapt.Options{Headless: true}})
	}
}

// A folder of another model is called what it is, whatever its config.json says.
func TestOpen_FolderOfAStranger(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	header := `{"vit.embeddings.position_embeddings": {"dtype": "F32", "shape": [1, 1, 1], "data_offsets": [0, 4]},
		"vit.encoder.layer.0.attention.attention.key.bias": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}`
	raw := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+"12345678"...)
	for name, content := range map[string][]byte{"config.json": []byte(`{"model_type": "vit"}`), "model.safetensors": raw} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := convert.Open(t.Context(), folder, convert.OpenOptions{})
	var stranger *naming.StrangerError
	if !errors.As(err, &stranger) || !strings.Contains(stranger.What, "in the names of transformers") {
		t.Errorf("%T %v", err, err)
	}
}
