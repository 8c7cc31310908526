//go:build !libtorch

package main

import (
	"strings"
	"testing"
)

func TestTorchScriptNeedsLibtorch(t *testing.T) {
	t.Parallel()
	code, _, errs := runHere(t, "verify", testdata("../manifests/embedded/digits_p16_64.pdparams"), "--torchscript", testdata("digits/digits_p16_64.torchscript.pt"))
	if code != exitUnavailable || !strings.Contains(errs, "needs libtorch") || !strings.Contains(errs, "hint: in a checkout: make libtorch") {
		t.Errorf("exit code %d, %q", code, errs)
	}
}
