package native_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/enginetest"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, dtype := range []tensor.DType{tensor.F64, tensor.F32, tensor.F16, tensor.BF16} {
		t.Run(dtype.String(), func(t *testing.T) {
			t.Parallel()
			enginetest.Run(t, native.Engine{}, engine.Options{DType: dtype})
		})
	}
}
