package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/drift"
	"github.com/beitzoo/beitzoo/verify/report"
)

func tap(name string, off, tolerance float64) verify.Tap {
	return verify.Tap{
		Name: name, Shape: tensor.Shape{2, 5}, OK: off <= tolerance, Noise: tolerance / 8, Tolerance: tolerance,
		Distance: drift.Distance{MaxAbs: off, Largest: 4, MaxRel: off / 4, Mean: off / 2, RMS: off / 2, Cosine: 1},
	}
}

// result returns a result with these taps.
func result(taps ...verify.Tap) *verify.Result {
	return &verify.Result{
		OK: true, Model: "model.pth", Architecture: "tiny_p16_32", Engine: "native", Device: "cpu", Reference: "recording r.safetensors (timm 1.0.31, float32)",
		DType: tensor.F32, Precision: verify.Precision{DType: tensor.F32, Multiple: 8}, Images: 2,
		MaxAbs: 1e-6, MaxRel: 2.5e-7, Tolerance: 8e-6, Agreement: drift.Agreement{Rows: 2, Top1: 2, Top5: 1}, Taps: taps,
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	var deep []verify.Tap
	for i := range 20 {
		deep = append(deep, tap(fmt.Sprintf("blocks.%d", i), 1e-6, 8e-6))
	}
	deep[3].MaxAbs = 2e-6
	failed := result(append(append([]verify.Tap{}, deep...), tap("logits", 1, 0.5))...)
	failed.OK, failed.FirstDivergence, failed.Blame = false, "blocks.9", "blocks.9 agrees with the reference if GELU is its tanh approximation"
	failed.Taps[9].OK, failed.Taps[9].MaxAbs = false, 8e-4
	failed.Taps[10].OK, failed.Taps[10].MaxAbs, failed.Taps[10].NonFinite = false, math.Inf(1), 3
	failed.Agreement = drift.Agreement{}
	short := result(tap("embed", 1e-6, 8e-6), tap("logits", 1e-6, 8e-6))
	alone := result(tap("embed", 0, 8e-6), tap("blocks.0", 7e-6, 8e-6), tap("blocks.1", 7e-4, 8e-6), tap("logits", 9, 8e-6))
	alone.OK, alone.FirstDivergence, alone.HoldsTo = false, "blocks.0", tensor.BF16
	alone.Taps[0].Local = &verify.Local{OK: true, Distance: drift.Distance{MaxAbs: 1e-9}, Tolerance: 1e-6, Share: 1e-3}
	alone.Taps[1].Local = &verify.Local{Distance: drift.Distance{MaxAbs: 9e-6}, Tolerance: 1e-6, Share: 9}
	alone.Taps[2].Local = &verify.Local{OK: true, Distance: drift.Distance{MaxAbs: 1e-7}, Tolerance: 1e-6, Share: 0.1}
	alone.Taps[3].Local = &verify.Local{Distance: drift.Distance{MaxAbs: math.Inf(1)}, Tolerance: 1e-6, Share: math.Inf(1)}
	alone.Blame = "one value is wrong; more"
	alone.Findings = []blame.Finding{
		{
			Stage: "blocks.0", Hypothesis: "one-value", Side: blame.Checkpoint, Tensors: []string{"blocks.0.gamma_1"}, Where: blame.Place{Channels: []int{7}, Heads: []int{0, 2}},
			Sentence: "one value is wrong", Advice: "take another file", Distance: 0.5, Without: 0.5, Tolerance: 1e-6,
		},
		{
			Stage: blame.WholeModel, Hypothesis: "epsilon", Side: blame.Program, Sentence: "epsilon is 1e-12", Distance: 1e-7, Without: 0.5, Tolerance: 1e-6,
			Edits: []blame.Edit{{Tensor: "a", Says: "transpose"}, {Tensor: "b", Says: "exchange\nwith a"}},
		},
	}
	alone.Remarks = []verify.Remark{{Code: "grey-pictures", Sentence: "all pictures are grey"}}
	for _, c := range []struct {
		name    string
		result  *verify.Result
		options report.Options
		want    string
	}{
		{"several reasons, on a narrow terminal", alone, report.Options{Width: 80}, `model.pth
  against recording r.safetensors (timm 1.0.31, float32)
  native engine on cpu in F32, 2 images; tolerance: 8 x the rounding of F32, measured on this model

tap       max difference  share of the tolerance  verdict
embed     0               #        |              ok
blocks.0  7e-06           #########|###           FAILS alone, 9 x
blocks.1  0.0007          ######===|======        FAILS, 87.5 x, alone ok
logits    9               #########|############  FAILS, 1.12e+06 x, alone too
bars: | is the tolerance, 3 characters are a factor of 10; # is the stage alone, = what earlier stages add

same top-1 in 2 of 2, same top-5 in 1

not verified: first outside of rounding at blocks.0
reason 1: one value is wrong; more
  at blocks.0, heads 0, 2, channel 7; a fault of the checkpoint
  tensors: blocks.0.gamma_1
  off by 0.5, tolerance 1e-06
  advice: take another file
reason 2: epsilon is 1e-12
  at the whole model; a fault of the program that computed the reference
  off by 0.5 as it is, by 1e-07 without this; tolerance 1e-06
  repair: a: transpose
  repair: b: exchange\nwith a
remark: all pictures are grey
`},
		{"verified", short, report.Options{}, `model.pth
  against recording r.safetensors (timm 1.0.31, float32)
  native engine on cpu in F32, 2 images; tolerance: 8 x the rounding of F32, measured on this model

tap     shape   largest value  max difference  tolerance  share of the tolerance  verdict
embed   [2, 5]  4              1e-06           8e-06      ======   |              ok
logits  [2, 5]  4              1e-06           8e-06      ======   |              ok
bars: | is the tolerance, 3 characters are a factor of 10

same top-1 in 2 of 2, same top-5 in 1

verified: every activation that the reference has is within rounding
`},
		{"failed, shortened", failed, report.Options{Hint: "type this"}, `model.pth
  against recording r.safetensors (timm 1.0.31, float32)
  native engine on cpu in F32, 2 images; tolerance: 8 x the rounding of F32, measured on this model

tap         shape   largest value  max difference       tolerance  share of the tolerance  verdict
blocks.0    [2, 5]  4              1e-06                8e-06      ======   |              ok
... 7 more
blocks.8    [2, 5]  4              1e-06                8e-06      ======   |              ok
blocks.9    [2, 5]  4              0.0008               8e-06      =========|======        FAILS, 100 x
blocks.10   [2, 5]  4              3 values not finite  8e-06      =========|============  FAILS
... 8 more
blocks.19   [2, 5]  4              1e-06                8e-06      ======   |              ok
logits      [2, 5]  4              1                    0.5        =========|=             FAILS, 2 x
bars: | is the tolerance, 3 characters are a factor of 10

not verified: first outside of rounding at blocks.9
reason: blocks.9 agrees with the reference if GELU is its tanh approximation
hint: type this
`},
	} {
		var out bytes.Buffer
		if err := report.Text(&out, c.result, c.options); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, out.String()); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	var all bytes.Buffer
	if err := report.Text(&all, failed, report.Options{All: true}); err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(all.Bytes(), []byte("blocks.")); lines != 20+2 {
		t.Errorf("with all taps: blocks are named %d times", lines)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	r := result(tap("embed", 1e-6, 8e-6), tap("logits", 1e-6, 8e-6))
	r.Taps[1].MaxAbs, r.Taps[1].Cosine, r.Taps[1].NonFinite, r.Taps[1].OK = math.Inf(1), math.NaN(), 2, false
	r.OK, r.FirstDivergence, r.MaxAbs, r.Blame = false, "logits", math.Inf(1), "a <b> c"
	r.HoldsTo, r.Remarks = tensor.F32, []verify.Remark{{Code: "grey-pictures", Sentence: "s"}}
	r.Taps[0].Local = &verify.Local{OK: true, Distance: drift.Distance{MaxAbs: 1, RMS: 2}, Noise: 3, Tolerance: 4, Share: 0.25}
	r.Samples = []verify.Sample{
		{Image: 1, Got: []verify.Score{{Class: 1, Logit: 2.5, Probability: 0.75}, {Class: 7, Logit: 1, Probability: 0.25}}, Want: []verify.Score{{Class: 0, Logit: 1, Probability: 1}}},
		{Image: 3},
	}
	r.Findings = []blame.Finding{{
		Stage: "logits", Hypothesis: "single-value", Side: blame.Checkpoint, Tensors: []string{"head.bias"}, Where: blame.Place{Classes: []int{3}, Element: []int{3}},
		Sentence: "s", Distance: 1, Without: 2, Tolerance: 3, Edits: []blame.Edit{{Tensor: "head.bias", Says: "set"}},
	}}
	var out bytes.Buffer
	if err := report.JSON(&out, r, report.Options{Hint: "d", Labels: []string{"cat", "dog"}}); err != nil {
		t.Fatal(err)
	}
	const want = `{"ok":false,"model":"model.pth","architecture":"tiny_p16_32","engine":"native","device":"cpu","dtype":"F32",` +
		`"reference":"recording r.safetensors (timm 1.0.31, float32)","images":2,"max_abs":"Infinity","max_rel":2.5e-7,"tolerance":0.000008,` +
		`"tolerance_dtype":"F32","tolerance_multiple":8,"top1_agree":1,"top5_agree":0.5,"first_divergence":"logits","blame":"a <b> c","hint":"d","holds_to":"F32",` +
		`"findings":[{"stage":"logits","stages":[],"hypothesis":"single-value","side":"checkpoint","tensors":["head.bias"],"where":{"classes":[3],"element":[3]},` +
		`"sentence":"s","before":2,"after":1,"tolerance":3,"repair":["head.bias: set"]}],` +
		`"remarks":[{"code":"grey-pictures","sentence":"s"}],"taps":[` +
		`{"name":"embed","shape":[2,5],"ok":true,"max_abs":0.000001,"max_rel":2.5e-7,"mean_abs":5e-7,"rms":5e-7,"cosine":1,"noise":0.000001,"tolerance":0.000008,"non_finite":0,` +
		`"local":{"ok":true,"max_abs":1,"rms":2,"noise":3,"tolerance":4,"share":0.25}},` +
		`{"name":"logits","shape":[2,5],"ok":false,"max_abs":"Infinity","max_rel":2.5e-7,"mean_abs":5e-7,"rms":5e-7,"cosine":"NaN","noise":0.000001,"tolerance":0.000008,"non_finite":2,"local":null}],` +
		`"samples":[{"image":1,"got":[{"class":1,"label":"dog","logit":2.5,"probability":0.75},{"class":7,"logit":1,"probability":0.25}],` +
		`"want":[{"class":0,"label":"cat","logit":1,"probability":1}]},{"image":3,"got":[],"want":[]}]}` + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	r.Agreement = drift.Agreement{}
	if d := report.New(r, report.Options{}); d.Top1Agree != nil || d.Top5Agree != nil {
		t.Error("agreement without logits")
	}
	var back map[string]any
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Error(err)
	}
}

// full is a writer that always fails.
type full struct{}

var errFull = errors.New("no space")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTextAndJSON_WriteErrors(t *testing.T) {
	t.Parallel()
	r := result(tap("logits", 0, 1))
	if err := report.Text(full{}, r, report.Options{}); !errors.Is(err, errFull) {
		t.Errorf("text: %v", err)
	}
	if err := report.JSON(full{}, r, report.Options{}); !errors.Is(err, errFull) {
		t.Errorf("JSON: %v", err)
	}
}
