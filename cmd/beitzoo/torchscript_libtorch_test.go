//go:build libtorch

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/tensor"
)

// TestVerifyAgainstTorchScript: the traced module of unilm confirms the weights it was traced with, and notices one that was changed.
func TestVerifyAgainstTorchScript(t *testing.T) {
	script := testdata("digits/digits_p16_64.torchscript.pt")
	for _, engine := range []string{"torch", "native"} {
		verifyJSON(t, exitOK, testdata("../manifests/embedded/digits_p16_64.pdparams"), "--torchscript", script, "--engine", engine)
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

func TestTorchScriptRefuses(t *testing.T) {
	digits, script := testdata("../manifests/embedded/digits_p16_64.pdparams"), testdata("digits/digits_p16_64.torchscript.pt")
	for _, c := range []struct {
		name, model, script string
		code                int
		hint                string
		flags               []string
	}{
		{"a checkpoint", digits, testdata("digits/digits_p16_64.timm.pth"), exitInput, "torch.jit.save", nil},
		{"a module of another architecture", testdata("tiny/tiny_p16_64.unilm.pth"), script, exitInput, "same architecture", nil},
		{"no file", digits, "none.pt", exitInput, "check the path", nil},
		{"no such device", digits, script, exitUnavailable, "--device cpu", []string{"--device", "cuda:4096"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := runHere(t, append([]string{"verify", c.model, "--torchscript", c.script}, c.flags...)...)
			if code != c.code || out != "" || !strings.Contains(errs, "hint: ") || !strings.Contains(errs, c.hint) {
				t.Errorf("exit code %d, %q, %q", code, out, errs)
			}
		})
	}
}
