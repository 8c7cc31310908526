//go:build libtorch

package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/convert/tensor"
)

// TestVerifyAgainstTorchScript: the traced module of unilm confirms the weights it was traced with, and notices one that was changed.
func TestVerifyAgainstTorchScript(t *testing.T) {
	script := testdata("digits/digits_p16_64.torchscript.pt")
	for _, engine := range []string{"torch", "native"} {
		verifyJSON(t, exitOK, testdata("digits/digits_p16_64.pdparams"), "--torchscript", script, "--engine", engine)
	}
	changed := filepath.Join(t.TempDir(), "changed.safetensors")
	write(t, changed, altered(func(ts []tensor.Named) []tensor.Named {
		at := slices.IndexFunc(ts, func(t tensor.Named) bool { return t.Name == "blocks.1.mlp.fc1.bias" })
		raw, err := ts[at].Bytes()
		if err != nil {
			t.Fatal(err)
		}
		raw = slices.Clone(raw)
		raw[3] ^= 0x40
		ts[at].Data = tensor.Memory(raw)
		return ts
	})(t))
	verifyJSON(t, exitDiffers, changed, "--torchscript", script)
}
