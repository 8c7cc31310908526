package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// recordings are what other programs computed, with the checkpoints that hold the weights they ran, and the flags that say with which epsilon.
var recordings = []struct {
	checkpoints []string
	recording   string
	flags       []string
}{
	{digitFiles, "../manifests/embedded/digits_p16_64.passl.float32", nil},
	{digitFiles, "digits/digits_p16_64.unilm.float32", nil},
	{digitFiles, "digits/digits_p16_64.unilm.float64", nil},
	{digitFiles, "digits/digits_p16_64.timm.float32", nil},
	{digitFiles, "digits/digits_p16_64.hf.float32", []string{"--epsilon", "1e-12"}},
	{digitFiles, "digits/digits_p16_64.hf.float64", []string{"--epsilon", "1e-12"}},
	{[]string{"digits/hf"}, "digits/digits_p16_64.hf.float32", nil},
	{tiny32, "tiny/tiny_p16_32.passl.float32", nil},
	{tiny32, "tiny/tiny_p16_32.passl.float64", nil},
	{tiny32, "tiny/tiny_p16_32.unilm.float64", nil},
	{tiny32, "tiny/tiny_p16_32.hf.float64", []string{"--epsilon", "1e-12"}},
	{tiny32, "tiny/tiny_p16_32.timm.bfloat16", []string{"--dtype", "bf16"}},
	{tiny32, "tiny/tiny_p16_32.timm.float16", []string{"--dtype", "f16"}},
	{tiny64, "tiny/tiny_p16_64.passl.float32", nil},
	{tiny64, "tiny/tiny_p16_64.passl.float64", nil},
	{tiny64, "tiny/tiny_p16_64.unilm.float64", nil},
	{tiny64, "tiny/tiny_p16_64.hf.float64", []string{"--epsilon", "1e-12"}},
	{tiny64, "tiny/tiny_p16_64.timm.bfloat16", []string{"--dtype", "bf16"}},
	{tiny64, "tiny/tiny_p16_64.timm.float16", []string{"--dtype", "f16"}},
	{[]string{"mim/tiny_mim_p16_64.unilm.pth"}, "mim/tiny_mim_p16_64.unilm.float64", nil},
}

var (
	digitFiles = []string{"../manifests/embedded/digits_p16_64.pdparams", "digits/digits_p16_64.unilm.pth", "digits/digits_p16_64.timm.safetensors"}
	tiny32     = []string{"tiny/tiny_p16_32.passl.pdparams", "tiny/tiny_p16_32.unilm.pth"}
	tiny64     = []string{"tiny/tiny_p16_64.passl.pdparams", "tiny/tiny_p16_64.unilm.pth"}
)

// verdict is what the tests read of `verify --json`.
type verdict struct {
	OK    bool
	Blame string
	Taps  []struct{ Name string }
}

func verifyJSON(t *testing.T, code int, args ...string) verdict {
	t.Helper()
	var result verdict
	if err := json.Unmarshal([]byte(expect(t, code, append([]string{"verify", "--json", "--quiet"}, args...)...)), &result); err != nil {
		t.Fatal(err)
	}
	return result
}

func TestVerifyAgainstRecordings(t *testing.T) {
	for _, r := range recordings {
		for _, checkpoint := range r.checkpoints {
			t.Run(checkpoint+" "+r.recording, func(t *testing.T) {
				args := append([]string{testdata(checkpoint), "--recording", testdata(r.recording + ".recording.safetensors")}, r.flags...)
				result := verifyJSON(t, exitOK, args...)
				if !result.OK || len(result.Taps) < 4 {
					t.Errorf("ok %v with %d taps", result.OK, len(result.Taps))
				}
			})
		}
	}
}

// TestVerifyNoticesTheEpsilon: Hugging Face ran the same weights with another epsilon, which is all that is wrong here.
func TestVerifyNoticesTheEpsilon(t *testing.T) {
	for _, r := range recordings {
		if !strings.Contains(r.recording, ".hf.") || r.flags == nil {
			continue
		}
		t.Run(r.recording, func(t *testing.T) {
			result := verifyJSON(t, exitDiffers, testdata(r.checkpoints[0]), "--recording", testdata(r.recording+".recording.safetensors"))
			if result.OK || !strings.Contains(result.Blame, "epsilon") {
				t.Errorf("ok %v, blame %q", result.OK, result.Blame)
			}
		})
	}
}

func TestVerifyAgainstCheckpoint(t *testing.T) {
	verifyJSON(t, exitOK, testdata("../manifests/embedded/digits_p16_64.pdparams"), "--against", testdata("digits/digits_p16_64.timm.safetensors"))
	verifyJSON(t, exitOK, testdata("../manifests/embedded/digits_p16_64.pdparams"))
	other := filepath.Join(t.TempDir(), "other.safetensors")
	succeed(t, "synth", "digits_p16_64", "-o", other)
	verifyJSON(t, exitDiffers, testdata("../manifests/embedded/digits_p16_64.pdparams"), "--against", other)
	expect(t, exitInput, "verify", testdata("tiny/tiny_p16_64.unilm.pth"), "--against", other)
}
