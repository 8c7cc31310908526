package framework_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestTypes goes from each element type to the frameworks' words for it and back.
func TestTypes(t *testing.T) {
	t.Parallel()
	for dtype := tensor.Bool; dtype.Size() > 0; dtype++ {
		code, class, name := framework.NumPyCode(dtype), framework.TorchStorage(dtype), framework.TorchName(dtype)
		if (code == "") != (dtype == tensor.BF16) || code != "" && framework.NumPyType(code) != dtype {
			t.Errorf("%s: NumPy's code %q is that of %s", dtype, code, framework.NumPyType(code))
		}
		if class != "" && framework.TorchStorageType(class) != dtype {
			t.Errorf("%s: PyTorch's storage %q is that of %s", dtype, class, framework.TorchStorageType(class))
		}
		if name == "" || framework.TorchType(name) != dtype {
			t.Errorf("%s: PyTorch's name %q is that of %s", dtype, name, framework.TorchType(name))
		}
	}
	for _, got := range []tensor.DType{framework.NumPyType("O8"), framework.TorchStorageType(""), framework.TorchStorageType(framework.UntypedStorage), framework.TorchType("qint8")} {
		if got != tensor.Invalid {
			t.Errorf("an unknown word stands for %s", got)
		}
	}
}

func TestTorchMagic(t *testing.T) {
	t.Parallel()
	if got := framework.TorchMagic().Text(16); got != "1950a86a20f9469cfc6c" { // torch/serialization.py MAGIC_NUMBER
		t.Error(got)
	}
}
