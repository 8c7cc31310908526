package convert_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert"
)

// TestFolderWithOtherWeights writes into folders that hold weights already: those that are replaced may be there, and the source; others would be loaded in
// place of what is written, or stay behind with another model's config.json.
func TestFolderWithOtherWeights(t *testing.T) {
	t.Parallel()
	const other = testdata + "tiny/tiny_p16_32.unilm.pth"
	for name, c := range map[string]struct {
		there   []string
		options convert.Options
		refused string
	}{
		"preferred":                    {[]string{"model.safetensors"}, to("", "pytorch"), "which programs load in place of pytorch_model.bin"},
		"preferred, timm":              {[]string{"model.safetensors"}, to("timm", "pytorch"), "model.safetensors"},
		"an index that is preferred":   {[]string{"model.safetensors.index.json", "model-00001-of-00002.safetensors"}, to("", "pytorch"), "model.safetensors.index.json"},
		"stays behind":                 {[]string{"pytorch_model.bin"}, to("", ""), "pytorch_model.bin, which model.safetensors would not replace"},
		"an index that stays behind":   {[]string{"model.safetensors.index.json"}, to("", ""), "model.safetensors.index.json"},
		"shards that stay behind":      {[]string{"pytorch_model-00001-of-00002.bin"}, to("", ""), "pytorch_model-00001-of-00002.bin"},
		"PaddlePaddle's, of old":       {[]string{"model_state.pdparams"}, to("", ""), "model_state.pdparams"},
		"a stale recipe, timm":         {[]string{"model.safetensors", "config.json", "preprocessor_config.json"}, to("timm", ""), "preprocessor_config.json, from which"},
		"a stale processor":            {[]string{"processor_config.json"}, to("hf", ""), "processor_config.json, from which"},
		"a recipe that is replaced":    {[]string{"preprocessor_config.json"}, to("hf", ""), ""},
		"replaced":                     {[]string{"model.safetensors", "config.json", "README.md"}, to("", ""), ""},
		"replaced, PyTorch's":          {[]string{"pytorch_model.bin"}, to("", "pytorch"), ""},
		"weights that nobody looks at": {[]string{"optimizer.pt", "model_ema.safetensors"}, to("", ""), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for _, file := range c.there {
				if err := os.WriteFile(filepath.Join(folder, file), []byte("old"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c.options.Prove = true
			_, err := convert.Convert(t.Context(), other, folder+"/", c.options)
			if c.refused == "" {
				if err != nil {
					t.Fatal(err)
				}
				mustBeEqual(t, other, folder)
				return
			}
			refused := (*convert.TargetError)(nil)
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%v", err)
			}
			if entries, err := os.ReadDir(folder); err != nil || len(entries) != len(c.there) {
				t.Error("something was written")
			}
		})
	}
}

// TestFileThatNobodyWouldLoad writes single files under the names of a folder's weights, beside weights that programs load in place of them.
func TestFileThatNobodyWouldLoad(t *testing.T) {
	t.Parallel()
	const other = testdata + "tiny/tiny_p16_32.unilm.pth"
	for name, c := range map[string]struct {
		there, file string
		options     convert.Options
		refused     bool
	}{
		"timm":                 {"model.safetensors", "pytorch_model.bin", to("timm", ""), true},
		"transformers":         {"model.safetensors", "pytorch_model.bin", to("hf", ""), true},
		"an index":             {"model.safetensors.index.json", "pytorch_model.bin", to("timm", ""), true},
		"PaddlePaddle's":       {"pytorch_model.bin", "model_state.pdparams", to("", ""), true},
		"a shard":              {"model.safetensors.index.json", "model-00001-of-00002.safetensors", to("timm", ""), true},
		"the preferred":        {"pytorch_model.bin", "model.safetensors", to("timm", ""), false},
		"a name of its own":    {"model.safetensors", "beit.bin", to("timm", ""), false},
		"an ending of its own": {"model.safetensors", "model.pth", to("timm", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, c.there), []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := convert.Convert(t.Context(), other, filepath.Join(folder, c.file), c.options)
			_, missing := os.Stat(filepath.Join(folder, c.file))
			if refused := (*convert.TargetError)(nil); errors.As(err, &refused) != c.refused || (missing != nil) != c.refused {
				t.Fatalf("%v, %v", err, missing)
			}
			if c.refused && !strings.Contains(err.Error(), c.there+", which programs load in place of "+c.file) {
				t.Error(err)
			}
		})
	}
	folder := t.TempDir()
	mustConvert(t, other, folder+"/model.safetensors", to("timm", ""))
	mustConvert(t, folder+"/model.safetensors", folder+"/pytorch_model.bin", to("timm", ""))
}

// TestFolderThatIsTheSource adds the other format to a folder: safetensors beside PyTorch's file is the same model for all; the other way round, programs
// would never load what is written.
func TestFolderThatIsTheSource(t *testing.T) {
	t.Parallel()
	folder := t.TempDir() + "/model"
	mustConvert(t, testdata+"tiny/tiny_p16_32.unilm.pth", folder, to("hf", "pytorch"))
	for _, source := range []string{folder, folder + "/pytorch_model.bin"} {
		mustConvert(t, source, folder, convert.Options{SaveOptions: convert.SaveOptions{Prove: true}})
		if err := os.Remove(folder + "/model.safetensors"); err != nil {
			t.Fatal(err)
		}
	}
	mustConvert(t, folder, folder, to("hf", "safetensors"))
	if err := os.Remove(folder + "/pytorch_model.bin"); err != nil {
		t.Fatal(err)
	}
	_, err := convert.Convert(t.Context(), folder+"/model.safetensors", folder, to("hf", "pytorch"))
	if !errors.As(err, new(*convert.TargetError)) {
		t.Errorf("%v", err)
	}
}
