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
	short := newOperatorError("cat", "[enforce fail at alloc_cpu.cpp:127] err == 0. can't allocate memory of 8 bytes.\nframe #0: c10::Throw() + 0x6a\nframe #1: main")
	if !strings.HasSuffix(short.Message, "of 8 bytes.") || !short.OutOfMemory() {
		t.Errorf("%+v", short)
	}
	for _, err := range []error{thrown, &OperatorError{"softmax", `"softmax" not implemented for 'Half'`}, &ScriptError{"m.pt", thrown}} {
		var hinted interface{ Hint() string }
		if !errors.Is(errdef.Kind(err), errdef.ErrInput) || !errors.As(err, &hinted) || hinted.Hint() == "" || strings.Contains(hinted.Hint(), "--") {
			t.Errorf("%v: kind %v", err, errdef.Kind(err))
		}
	}
}
