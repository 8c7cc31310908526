package safetensors_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// testdata is the path of the repository's test data, which the reference implementation wrote.
const testdata = "../../../testdata"

// dtypes are all element types that the format shares with package tensor.
var dtypes = []tensor.DType{
	tensor.Bool, tensor.U8, tensor.I8, tensor.U16, tensor.I16, tensor.F16, tensor.BF16,
	tensor.U32, tensor.I32, tensor.F32, tensor.U64, tensor.I64, tensor.F64, tensor.C64,
}

func layout(tensors []tensor.Named) ([]output.Part, error) { return safetensors.Layout(tensors, nil) }

// file reads a file of testdata.
func file(t testing.TB, name ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(append([]string{testdata}, name...)...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// written assembles a file by this package's writer.
func written(t testing.TB, tensors []tensor.Named, metadata map[string]string) []byte {
	t.Helper()
	parts, err := safetensors.Layout(tensors, metadata)
	if err != nil {
		t.Fatal(err)
	}
	content, err := checkpointtest.Assemble(parts)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func view(dtype tensor.DType, raw []byte, shape ...int) tensor.View {
	return tensor.View{DType: dtype, Shape: shape, Data: tensor.Memory(raw)}
}

// mixed has a scalar, an empty tensor and element types of every size.
func mixed() []tensor.Named {
	return []tensor.Named{
		{Name: "weight", View: view(tensor.F32, []byte("0123456789abcdef01234567"), 2, 3)},
		{Name: "scalar", View: view(tensor.I64, []byte("01234567"))},
		{Name: "empty", View: view(tensor.F16, nil, 3, 0)},
		{Name: "half", View: view(tensor.BF16, []byte("012345"), 3)},
		{Name: "flags", View: view(tensor.Bool, []byte{0, 1, 1}, 3)},
		{Name: "naïve \"name\"\n", View: view(tensor.F64, []byte("0123456789abcdef"), 2, 1)},
	}
}

func TestConformance(t *testing.T) {
	checkpointtest.Run(t, checkpointtest.Suite{
		Format: safetensors.Format,
		Samples: map[string][]byte{
			"written":   written(t, mixed(), map[string]string{"note": "for tests"}),
			"timm":      file(t, "digits", "digits_p16_64.timm.safetensors"),
			"hf":        file(t, "digits", "hf", "model.safetensors"),
			"recording": file(t, "tiny", "tiny_p16_32.unilm.float64.recording.safetensors"),
		},
		DTypes: dtypes,
	})
}
