package checkpoint_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// TestForeignFiles reads how files of other programs begin or end; testdata/foreign.py wrote those in testdata.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ name, content, says, hint string }{
		"flax":              {"flax_model.msgpack", fromFile(t, "flax.msgpack"), "Flax", "from_flax=True"},
		"flax of one array": {"x.bin", fromFile(t, "array.msgpack"), "Flax", "from_flax=True"},
		"onnx":              {"model.onnx", fromFile(t, "model.onnx"), "ONNX", "from which it was exported"},
		"npy":               {"x.npy", "\x93NUMPY\x01\x00", "NumPy array", "PyTorch"},
		"tensorflow index":  {"model.ckpt.index", strings.Repeat("x", 100) + "\x57\xfb\x80\x8b\x24\x75\x47\xdb", "index of a TensorFlow", "from_tf=True"},
		"tensorflow data":   {"model.ckpt.data-00000-of-00001", "\x00\x01\x02\xff", "data of a TensorFlow checkpoint, by its name", "from_tf=True"},
		"saved model":       {"saved_model.pb", "\x08\x01\x12\x9d\x01", "SavedModel", "from_tf=True"},
		"lite":              {"x.tflite", "\x1c\x00\x00\x00TFL3\x00", "TensorFlow Lite", "exported"},
		"orbax":             {"manifest.ocdbt", "\x0c\xdb\x3a\x2a\x00", "Orbax", "safetensors.numpy.save_file"},
		"xz":                {"x.pth.xz", "\xfd7zXZ\x00", "xz", "xz -d"},
		"7z":                {"x.7z", "7z\xbc\xaf\x27\x1c", "7-Zip", "unpack"},
	}
	for name, test := range tests {
		path := filepath.Join(t.TempDir(), test.name)
		write(t, path, test.content)
		opened, err := open(path)
		var problem *checkpoint.Error
		if opened != nil || !errors.Is(err, checkpoint.ErrFormat) || !errors.As(err, &problem) || !strings.Contains(problem.Reason, test.says) ||
			!strings.Contains(problem.Hint(), test.hint) || problem.Path != path {
			t.Errorf("%s: got %v; want %q and %q", name, err, test.says, test.hint)
		}
	}
}

func fromFile(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestForeignFolders says what folders hold that are of other programs.
func TestForeignFolders(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files      []string
		says, hint string
	}{
		"tensorflow":      {[]string{"config.json", "tf_model.h5"}, `"tf_model.h5", which is an HDF5 file`, "from_tf=True"},
		"flax":            {[]string{"config.json", "flax_model.msgpack"}, `"flax_model.msgpack", which is a Flax file`, "from_flax=True"},
		"adapter":         {[]string{"README.md", "adapter_config.json", "adapter_model.safetensors"}, `"adapter_config.json", which is a PEFT adapter`, "merge_and_unload()"},
		"saved model":     {[]string{"fingerprint.pb", "saved_model.pb", "variables/variables.index"}, "a SavedModel", "from_tf=True"},
		"onnx":            {[]string{"config.json", "model.onnx"}, "an ONNX model", "exported"},
		"orbax":           {[]string{"_CHECKPOINT_METADATA", "_METADATA", "d/x", "manifest.ocdbt"}, "Orbax", "save_file"},
		"inference":       {[]string{"inference.pdiparams", "inference.pdmodel"}, "inference parameters", ".pdparams"},
		"zero 3":          {[]string{"zero_pp_rank_0_mp_rank_00_model_states.pt", "zero_pp_rank_0_mp_rank_00_optim_states.pt"}, "ZeRO", "zero_to_fp32.py FOLDER"},
		"zero 1":          {[]string{"mp_rank_00_model_states.pt"}, `"mp_rank_00_model_states.pt", which is the model states`, "give that file"},
		"parts":           {[]string{"__0_0.distcp", "__1_0.distcp"}, "parts of tensors", ".metadata"},
		"parts of HF":     {[]string{"shard-00001-model-00001-of-00001.safetensors", "shard-00002-model-00001-of-00001.safetensors"}, "HuggingFaceStorageWriter", "consolidate_safetensors_files"},
		"a folder of DCP": {[]string{"optimizer.txt", "pytorch_model_fsdp_0/.metadata"}, `a folder "pytorch_model_fsdp_0" with a distributed checkpoint`, "give that folder"},
		"another name":    {[]string{"beit.pth", "tf_model.h5"}, `but "beit.pth"`, "give the weight file itself"},
		"nothing":         {[]string{"README.md"}, "holds no", ".index.json"},
	}
	for name, test := range tests {
		folder := t.TempDir()
		for _, file := range test.files {
			path := filepath.Join(folder, filepath.FromSlash(file))
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, path, "x")
		}
		opened, err := open(folder)
		var problem *checkpoint.Error
		if opened != nil || !errors.Is(err, checkpoint.ErrFormat) || !errors.As(err, &problem) || !strings.Contains(problem.Reason, test.says) ||
			!strings.Contains(problem.Hint(), test.hint) || problem.Path != folder {
			t.Errorf("%s: got %v (%v); want %q and %q", name, err, errors.As(err, &problem), test.says, test.hint)
		}
	}
}
