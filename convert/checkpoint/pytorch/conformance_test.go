package pytorch_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/tensor"
)

var dtypes = []tensor.DType{
	tensor.Bool, tensor.U8, tensor.I8, tensor.U16, tensor.I16, tensor.F16, tensor.BF16,
	tensor.U32, tensor.I32, tensor.F32, tensor.U64, tensor.I64, tensor.F64, tensor.C64, tensor.C128,
}

// written assembles a file by this package's writer.
func written(t testing.TB, tensors []tensor.Named, options pytorch.Options) []byte {
	t.Helper()
	parts, err := pytorch.Layout(tensors, options)
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

// some are a few tensors, one of them a scalar and one empty.
func some() []tensor.Named {
	return []tensor.Named{
		{Name: "weight", View: view(tensor.F32, []byte("0123456789abcdef01234567"), 2, 3)},
		{Name: "scalar", View: view(tensor.I64, []byte("01234567"))},
		{Name: "empty", View: view(tensor.F16, nil, 3, 0)},
		{Name: "count", View: view(tensor.U16, []byte("0123"), 2)},
	}
}

func TestConformance(t *testing.T) {
	checkpointtest.Run(t, checkpointtest.Suite{
		Format: pytorch.Format,
		Samples: map[string][]byte{
			"written": written(t, some(), pytorch.Options{Wrapper: "model"}),
			"zip":     file(t, "testdata", "odd.zip.pth"),
			"legacy":  file(t, "testdata", "odd.legacy4.pth"),
			"unilm":   file(t, repository, "tiny", "tiny_p16_32.unilm.pth"),
		},
		DTypes: dtypes,
	})
}

func TestConformanceWrappedAndLegacy(t *testing.T) {
	checkpointtest.Run(t, checkpointtest.Suite{
		Format:  pytorch.Format,
		Options: checkpoint.WriteOptions{Key: "model"},
		Samples: map[string][]byte{"legacy": file(t, "testdata", "odd.legacy4.pth")},
		DTypes:  dtypes,
	})
}
