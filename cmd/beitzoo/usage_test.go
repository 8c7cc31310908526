package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/evaluate"
)

func TestWrongUsage(t *testing.T) {
	digits := testdata("../manifests/embedded/digits_p16_64.pdparams")
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"unknown command", []string{"convrt", digits}, exitUsage, "did you mean convert"},
		{"unknown flag", []string{"convert", digits, "--outptu", "x"}, exitUsage, "beitzoo convert --help"},
		{"no output", []string{"convert", digits}, exitUsage, "-o FILE"},
		{"no argument", []string{"diff", digits}, exitUsage, "usage: beitzoo diff A B"},
		{"too many arguments", []string{"inspect", digits, digits}, exitUsage, "unexpected argument"},
		{"unknown scheme", []string{"convert", digits, "-o", "x.pth", "--to", "tim"}, exitUsage, "timm"},
		{"unknown format", []string{"convert", digits, "-o", "x.pth", "--format", "onnx"}, exitUsage, "safetensors"},
		{"no telling name", []string{"convert", digits, "-o", "x.y"}, exitUsage, "say the format or the scheme"},
		{"unknown dtype", []string{"convert", digits, "-o", "x.pth", "--dtype", "fp8"}, exitUsage, "bf16"},
		{"unknown architecture", []string{"synth", "beit_bas_p16_224", "-o", "x.pth"}, exitUsage, "beit_base_p16_224"},
		{"unknown recipe", []string{"predict", digits, testdata("../manifests/embedded/images/0/010.png"), "--recipe", "tim"}, exitUsage, "timm"},
		{"wrong architecture", []string{"inspect", testdata("tiny/tiny_p16_32.unilm.pth"), "--arch", "beit_base_p16_224", "--json"}, exitOK, ""},
		{"model of another architecture", []string{"convert", digits, "-o", "x.pth", "--arch", "tiny_p16_64"}, exitInput, "head"},
		{"no such file", []string{"inspect", "missing.pth"}, exitInput, "no such file"},
		{"contradiction", []string{"verify", digits, "--recording", "a", "--against", "b"}, exitUsage, "one of them"},
		{"no such model", []string{"inspect", "missing.pth"}, exitInput, "a model can be a file, a folder, or a name"},
		{"no such image", []string{"predict", digits, "missing.png"}, exitInput, "check the path of the image"},
		{"no such folder", []string{"eval", digits, "missing"}, exitInput, "missing: no such file"},
		{"no classes", []string{"predict", digits, "x.png", "--top", "0"}, exitUsage, "--top 0 is not positive"},
		{"fewer than no images", []string{"verify", digits, "--images", "-3"}, exitUsage, "--images -3 is not positive"},
		{"older name of a flag", []string{"verify", digits, "--samples", "-3"}, exitUsage, "is not positive"},
		{"fewer than no threads", []string{"bench", digits, "--threads", "-1"}, exitUsage, "--threads -1 is not positive"},
		{"negative epsilon", []string{"inspect", digits, "--epsilon", "-1"}, exitUsage, "--epsilon -1 is not positive"},
		{"no key", []string{"publish", digits, "x", "--name", "a", "--version", "1.0.0"}, exitUsage, "--sign KEY"},
		{"unknown subcommand", []string{"cache", "prun"}, exitUsage, "did you mean prune"},
		{"help of an unknown command", []string{"help", "convrt"}, exitUsage, "did you mean convert"},
		{"unknown engine", []string{"verify", digits, "--engine", "tf"}, exitUsage, "torch and native"},
		{"device of another engine", []string{"verify", digits, "--engine", "native", "--device", "cuda"}, exitUnavailable, "cpu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, errs := runHere(t, c.args...)
			if code != c.code || !strings.Contains(errs, c.says) {
				t.Errorf("exit code %d, want %d; message %q, want one with %q", code, c.code, errs, c.says)
			}
		})
	}
}

func TestErrorsAsJSON(t *testing.T) {
	text := filepath.Join(t.TempDir(), "model.pth")
	write(t, text, []byte("no weights here\n"))
	code, out, errs := runHere(t, "inspect", text, "--json")
	var problem failure
	if err := json.Unmarshal([]byte(errs), &problem); err != nil {
		t.Fatalf("%v in %q", err, errs)
	}
	if code != exitInput || problem.ExitCode != exitInput || problem.Hint == "" || !strings.Contains(problem.Error, "text file") || out != "" {
		t.Errorf("exit code %d, %+v, standard output %q", code, problem, out)
	}
}

// TestSynthAndInspect: the digest that inspect computes of a synthesised file is the published one of the recipe.
func TestSynthAndInspect(t *testing.T) {
	for name, want := range map[string]string{
		"tiny_p16_32": "63b3b9081249aded9f7fc84a1c6157771d99f0cca341619a36812ec9d88bc094",
		"tiny_p16_64": "6cc912b375b3fcc901e42c08ca0a75322e4524a227b9d4433eec834b57f845cd",
	} {
		path := filepath.Join(t.TempDir(), name+".pdparams")
		succeed(t, "synth", name, "--seed", "0", "-o", path)
		var found struct {
			Scheme, SHA256 string
			Architecture   struct{ Name string }
		}
		if err := json.Unmarshal([]byte(succeed(t, "inspect", path, "--digests", "--json")), &found); err != nil {
			t.Fatal(err)
		}
		if found.SHA256 != want || found.Scheme != "passl" || found.Architecture.Name != name {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestPredictAndEval(t *testing.T) {
	digits := testdata("digits/digits_p16_64.unilm.pth")
	labels := filepath.Join(t.TempDir(), "labels.txt")
	write(t, labels, []byte("zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n"))
	out := succeed(t, "predict", digits, testdata("../manifests/embedded/images/7/005.png"), "--labels", labels, "--top", "1")
	if !strings.Contains(out, "seven (class 7)") {
		t.Errorf("predicted %q", out)
	}
	var result evaluate.Accuracy
	if err := json.Unmarshal([]byte(succeed(t, "eval", digits, testdata("../manifests/embedded/images"), "--json", "--quiet")), &result); err != nil {
		t.Fatal(err)
	}
	if result.Top1 != 346 || result.Top5 != 359 || result.Images != 360 {
		t.Errorf("%+v", result)
	}
}
