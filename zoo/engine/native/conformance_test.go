package native_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/zoo/engine"
	"github.com/beitzoo/beitzoo/zoo/engine/enginetest"
	"github.com/beitzoo/beitzoo/zoo/engine/native"
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
