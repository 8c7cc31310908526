//go:build libtorch

package torch_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/verify/verifytest"
	"github.com/beitzoo/beitzoo/zoo/engine"
	"github.com/beitzoo/beitzoo/zoo/engine/enginetest"
	"github.com/beitzoo/beitzoo/zoo/engine/torch"
)

func TestConformance(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.F64, tensor.F32, tensor.BF16, tensor.F16} {
		if !(torch.Engine{}).Supports(dtype) {
			continue
		}
		t.Run(dtype.String(), func(t *testing.T) {
			t.Parallel()
			enginetest.Run(t, torch.Engine{}, engine.Options{DType: dtype, Threads: 2})
		})
	}
}

func TestRecordings(t *testing.T) {
	t.Parallel()
	verifytest.Run(t, torch.Engine{}, engine.Options{})
}
