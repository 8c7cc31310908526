package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// checkpoints are the files of testdata that hold a model, one for each container, wrapper, scheme and dtype.
var checkpoints = []string{
	"../manifests/embedded/digits_p16_64.pdparams",
	"digits/digits_p16_64_protocol2.pdparams",
	"digits/digits_p16_64_training.pdparams",
	"digits/digits_p16_64.unilm.pth",
	"digits/digits_p16_64.unilm.legacy.pth",
	"digits/digits_p16_64.deepspeed.pth",
	"digits/digits_p16_64.training.pth",
	"digits/digits_p16_64.f16.pth",
	"digits/digits_p16_64.bf16.pth",
	"digits/digits_p16_64.timm.pth",
	"digits/digits_p16_64.timm.safetensors",
	"digits/digits_p16_64.hf5.statedict.bin",
	"digits/hf",
	"tiny/tiny_p16_32.passl.pdparams",
	"tiny/tiny_p16_32.unilm.pth",
	"tiny/tiny_p16_32.hf",
	"tiny/tiny_p16_64.passl.pdparams",
	"tiny/tiny_p16_64.unilm.pth",
	"tiny/tiny_p16_64.hf",
	"mim/tiny_mim_p16_64.unilm.pth",
}

// testdata is the path of a file of the repository's test data.
func testdata(name string) string {
	return filepath.Join("..", "..", "testdata", filepath.FromSlash(name))
}

func convertTwice(t *testing.T, source, scheme, format, ending string) {
	folder := t.TempDir()
	var contents [2][]byte
	for i := range contents {
		out := filepath.Join(folder, scheme+string(rune('0'+i))+ending)
		succeed(t, "convert", source, "-o", out, "--to", scheme, "--format", format, "--no-sync")
		succeed(t, "diff", source, out)
		content, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		contents[i] = content
	}
	if !bytes.Equal(contents[0], contents[1]) {
		t.Errorf("%s as %s in %s: two conversions differ", source, scheme, format)
	}
}

// succeed runs a command that must exit with 0, and returns its standard output.
func succeed(t *testing.T, args ...string) string {
	t.Helper()
	return expect(t, exitOK, args...)
}

// expect runs a command that must exit with code, and returns its standard output.
func expect(t *testing.T, code int, args ...string) string {
	t.Helper()
	got, out, errs := runHere(t, args...)
	if got != code {
		t.Fatalf("beitzoo %q: exit code %d, want %d\n%s%s", args, got, code, out, errs)
	}
	return out
}

// TestDiff_SameWeightsInEveryContainer: the files of one dtype hold the same trained weights, bit for bit.
func TestDiff_SameWeightsInEveryContainer(t *testing.T) {
	first := testdata("../manifests/embedded/digits_p16_64.pdparams")
	for _, checkpoint := range checkpoints[1:13] {
		code := exitOK
		if checkpoint == "digits/digits_p16_64.f16.pth" || checkpoint == "digits/digits_p16_64.bf16.pth" {
			code = exitDiffers
		}
		expect(t, code, "diff", first, testdata(checkpoint))
	}
	expect(t, exitDiffers, "diff", testdata("tiny/tiny_p16_32.unilm.pth"), first)
}
