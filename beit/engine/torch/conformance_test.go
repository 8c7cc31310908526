//go:build libtorch

package torch_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/enginetest"
	"github.com/beitzoo/beitzoo/beit/engine/torch"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/verifytest"
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
	t.Run("arranged for batches", func(t *testing.T) {
		t.Parallel()
		enginetest.Run(t, torch.Engine{}, engine.Options{Threads: 2, Batch: 8})
	})
}

func TestRecordings(t *testing.T) {
	t.Parallel()
	verifytest.Run(t, torch.Engine{}, engine.Options{})
}

func TestSegmentation(t *testing.T) {
	t.Parallel()
	verifytest.RunSegmentation(t, torch.Engine{}, engine.Options{Threads: 2})
}
