package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

func TestErrors_SayTheirKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		kind error
		says string
	}{
		{engine.ErrUnavailable, errdef.ErrUnavailable, ""},
		{engine.ErrClosed, errdef.ErrInput, "closed"},
		{&engine.DeviceError{Engine: "native", Device: "tpu", Reason: "runs on the CPU only"}, errdef.ErrUnavailable, `device "tpu": the native engine runs on the CPU only`},
		{&engine.DTypeError{Engine: "torch", DType: tensor.I8, Reason: "r"}, errdef.ErrUnavailable, "dtype I8 in the torch engine: r"},
		{&engine.InputError{What: "mask", Reason: "r"}, errdef.ErrInput, "mask: r"},
		{&engine.ParametersError{Missing: []string{"a", "b", "c", "d", "e", "f"}}, errdef.ErrInput, "6 missing (a, b, c, d, e and 1 more)"},
		{&engine.UnknownStageError{Name: "a\n"}, errdef.ErrInput, `"a\n"`},
	} {
		if !errors.Is(errdef.Kind(c.err), c.kind) || !errors.Is(c.err, c.kind) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%v is of kind %v, want %v", c.err, errdef.Kind(c.err), c.kind)
		}
	}
}

// anonymous is an engine without a method Supports.
type anonymous struct{ engine.Engine }

func TestSupports(t *testing.T) {
	t.Parallel()
	for dtype, want := range map[tensor.DType]bool{tensor.F64: true, tensor.F32: true, tensor.BF16: true, tensor.F16: true, tensor.I8: false} {
		if got := engine.Supports(native.Engine{}, dtype); got != want {
			t.Errorf("the native engine supports %s: %t", dtype, got)
		}
		if got := engine.Supports(anonymous{native.Engine{}}, dtype); got != (dtype == tensor.F32) {
			t.Errorf("an engine without a method Supports supports %s: %t", dtype, got)
		}
	}
}

// TestHints_HaveNoFlags makes sure that hints do not mention flags or commands, which a library does not know.
func TestHints_HaveNoFlags(t *testing.T) {
	t.Parallel()
	near := &engine.ParametersError{Missing: []string{"norm.weight"}, Unexpected: []string{"norm.weigth"}}
	for _, hint := range []string{(&engine.ParametersError{}).Hint(), near.Hint(), (&engine.UnknownStageError{Name: "blocks.0.atn"}).Hint()} {
		if hint == "" || strings.Contains(hint, "--") || strings.Contains(hint, "beitzoo") {
			t.Errorf("hint %q", hint)
		}
	}
	if !strings.Contains(near.Hint(), "norm.weigth") {
		t.Errorf("hint %q", near.Hint())
	}
}
