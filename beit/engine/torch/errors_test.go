//go:build libtorch

package torch

import (
	"errors"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/errdef"
)

func TestErrors_SayTheirKind(t *testing.T) {
	t.Parallel()
	thrown := newOperatorError("matmul", "CUDA out of memory. Tried to allocate 2 GiB\nException raised from malloc at c10:1")
	if thrown.Message != "CUDA out of memory. Tried to allocate 2 GiB" || !thrown.OutOfMemory() || thrown.Unsupported() {
		t.Errorf("%+v", thrown)
	}
	for _, err := range []error{thrown, &OperatorError{"softmax", `"softmax" not implemented for 'Half'`}, &ScriptError{"m.pt", thrown}} {
		var hinted interface{ Hint() string }
		if !errors.Is(errdef.Kind(err), errdef.ErrInput) || !errors.As(err, &hinted) || hinted.Hint() == "" || strings.Contains(hinted.Hint(), "--") {
			t.Errorf("%v: kind %v", err, errdef.Kind(err))
		}
	}
}
