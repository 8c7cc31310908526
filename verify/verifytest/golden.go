package verifytest

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// Golden is a recording and the model that was recorded.
type Golden struct {
	// Name is the file's, without its ending: "tiny_p16_32.unilm.float64".
	Name string
	// Config has the epsilon of the recording.
	Config    arch.Config
	Weights   []tensor.Named
	Recording *recording.Recording
}

// checkpoints has the file with the weights for the recordings of each small architecture. Recordings of the full size were made from the weights of package
// synth.
var checkpoints = map[string]string{
	"digits_p16_64":   "../manifests/embedded/digits_p16_64.pdparams",
	"tiny_p16_32":     "tiny/tiny_p16_32.unilm.pth",
	"tiny_p16_64":     "tiny/tiny_p16_64.hf",
	"tiny_mim_p16_64": "mim/tiny_mim_p16_64.unilm.pth",

	"digits_mim_p16_64": "mim/digits_mim_p16_64.unilm.pth",
}

// tokenizers are the recordings of small image tokenizers, which have no names of architectures.
var tokenizers = []struct{ recording, architecture, weights string }{
	{"digits_dvae.openai.float32", "digits_dvae_encoder", "digits_dvae.encoder.pkl"},
	{"digits_dvae.openai.float32", "digits_dvae_decoder", "digits_dvae.decoder.pkl"},
	{"digits_dvae_encoder.stages.float64", "digits_dvae_encoder", "digits_dvae.encoder.pkl"},
	{"digits_dvae_decoder.stages.float64", "digits_dvae_decoder", "digits_dvae.decoder.pkl"},
	{"vqkd_p16_64.unilm.float32", "tiny_vqkd_p16_64", "vqkd_p16_64.unilm.pth"},
	{"vqkd_p16_64.unilm.float64", "tiny_vqkd_p16_64", "vqkd_p16_64.unilm.pth"},
	{"vqkd_p16_64.stages.float64", "tiny_vqkd_p16_64", "vqkd_p16_64.unilm.pth"},
}

// Tokenizers returns the recordings of small image tokenizers. Those of both halves of a dVAE come once for each.
func Tokenizers(t testing.TB) (all []Golden) {
	t.Helper()
	for _, c := range tokenizers {
		recorded, err := recording.Read(t.Context(), Path(t, "tokenizer/"+c.recording+".recording.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		config, err := arch.ByName(c.architecture)
		if err != nil {
			t.Fatal(err)
		}
		g := Golden{Name: c.recording + "." + string(config.Kind), Config: config, Recording: recorded}
		held := map[string]tensor.Named{}
		for _, named := range opened(t, "tokenizer/"+c.weights) {
			held[named.Name] = named
		}
		for _, p := range config.Params() { // the names in these files are canonical
			g.Weights = append(g.Weights, held[p.Name])
		}
		all = append(all, g)
	}
	return all
}

// segmenters are the recordings of small models with UPerNet, which have no names of architectures.
var segmenters = []struct {
	recording, architecture, weights string
	dtype                            tensor.DType
}{
	{"seg_p16_48.unilm.float32", "tiny_seg_p16_48", "seg_p16_48.unilm.pth", tensor.F32},
	{"seg_p16_48.unilm.float64", "tiny_seg_p16_48", "seg_p16_48.unilm.pth", tensor.F64},
	{"seg_p16_48.hf_upernet.float64", "tiny_seg_p16_48", "seg_p16_48.unilm.pth", tensor.F64},
	{"seg_p16_48.stages.bfloat16", "tiny_seg_p16_48", "seg_p16_48.unilm.pth", tensor.BF16},
	{"seg_p16_48.stages.float16", "tiny_seg_p16_48", "seg_p16_48.unilm.pth", tensor.F16},
	{"seg_p16_48.stages.float32", "tiny_seg_p16_48", "seg_p16_48.unilm.pth", tensor.F32},
	{"seg_p16_48.stages.float64", "tiny_seg_p16_48", "seg_p16_48.unilm.pth", tensor.F64},
	{"seg_p16_64.stages.float32", "tiny_seg_p16_64", "seg_p16_64.unilm.pth", tensor.F32},
	{"seg_p16_64.stages.float64", "tiny_seg_p16_64", "seg_p16_64.unilm.pth", tensor.F64},
	{"seg_p16_64.unilm.float64", "tiny_seg_p16_64", "seg_p16_64.unilm.pth", tensor.F64},
}

// Segmenters returns the recordings of small models with UPerNet, of which one taps the last block. recording.Read refuses them, since commands do not take them.
func Segmenters(t testing.TB) (all []Golden) {
	t.Helper()
	for _, c := range segmenters {
		config, err := arch.ByName(c.architecture)
		if err != nil {
			t.Fatal(err)
		}
		r := &recording.Recording{
			Implementation: c.recording, DType: c.dtype, Epsilon: config.Epsilon, Channels: config.Channels, Height: config.ImageHeight, Width: config.ImageWidth,
		}
		held := map[string]tensor.Named{}
		for _, named := range slices.Concat(opened(t, "segmentation/"+c.weights), opened(t, "segmentation/"+c.recording+".recording.safetensors")) {
			named.Name = strings.TrimPrefix(named.Name, "backbone.") // without which these names are canonical
			held[named.Name] = named
		}
		if r.Pixels, err = tensor.Float32s(held["input"].View); err != nil {
			t.Fatal(err)
		}
		r.Images = held["input"].Shape[0]
		for _, stage := range engine.Stages(config) {
			if named, recorded := held[stage.String()]; recorded {
				values, err := tensor.Float64s(named.View)
				if err != nil {
					t.Fatal(err)
				}
				r.Activations = append(r.Activations, engine.Activation{Name: named.Name, Shape: named.Shape, Values: values})
			}
		}
		g := Golden{Name: c.recording, Config: config, Recording: r}
		for _, p := range config.Params() {
			g.Weights = append(g.Weights, held[p.Name])
		}
		all = append(all, g)
	}
	return all
}

// Path returns the path of a file in testdata, whatever package the test is in.
func Path(t testing.TB, name string) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, "testdata", name)
		}
		if folder == filepath.Dir(folder) {
			t.Fatal("not inside the module")
		}
		folder = filepath.Dir(folder)
	}
}

// small are the folders of the small models.
var small = []string{"../manifests/embedded", "digits", "tiny", "mim"}

// Small returns all recordings of the small models.
func Small(t testing.TB) []Golden { return matching(t, small, "*") }

// Full returns the recordings of one of the released architectures, such as "beit_base_p16_224". Only tests with the tag full call it.
func Full(t testing.TB, name string) []Golden { return matching(t, []string{"full"}, name+".*") }

// One returns the recording of a small model with that name.
func One(t testing.TB, name string) Golden { return matching(t, small, name)[0] }

// matching reads the recordings whose names match a pattern. It fails the test if there are none.
func matching(t testing.TB, folders []string, pattern string) []Golden {
	t.Helper()
	const ending = ".recording.safetensors"
	var all []Golden
	for _, folder := range folders {
		paths, err := filepath.Glob(filepath.Join(Path(t, folder), pattern+ending))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			all = append(all, read(t, path, strings.TrimSuffix(filepath.Base(path), ending)))
		}
	}
	if len(all) == 0 {
		t.Fatalf("no recording %s", pattern)
	}
	return all
}

func read(t testing.TB, path, name string) Golden {
	t.Helper()
	recorded, err := recording.Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	named, _, _ := strings.Cut(name, ".") // if the recording states a task in place of an architecture
	config, err := arch.ByName(cmp.Or(recorded.Architecture, named))
	if err != nil {
		t.Fatal(err)
	}
	g := Golden{Name: name, Config: config, Recording: recorded}
	if file, stored := checkpoints[config.Name]; stored {
		g.Weights = Weights(t, file)
	} else {
		g.Weights = synth.Weights(config, 0)
	}
	g.Config.Epsilon = recorded.Epsilon
	return g
}

// Weights returns the canonical tensors of a checkpoint in testdata, which are valid until the test ends.
func Weights(t testing.TB, name string) []tensor.Named {
	t.Helper()
	model, err := naming.Read(t.Context(), opened(t, name), naming.Options{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return model.Tensors
}

// opened returns the tensors of a file in testdata under their names there.
func opened(t testing.TB, name string) []tensor.Named {
	t.Helper()
	file, err := checkpoint.Open(t.Context(), Path(t, name), checkpoint.Options{}, paddle.Format, pytorch.Format, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file.Tensors
}

// Tensors returns the tensors of a file in testdata under their names there, which are valid until the test ends.
func Tensors(t testing.TB, name string) []tensor.Named { return opened(t, name) }
