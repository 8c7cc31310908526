package verify_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// spoil returns a copy of the weights in which change was applied to the float32 values of one parameter.
func spoil(t *testing.T, weights []tensor.Named, name string, change func([]float32)) []tensor.Named {
	t.Helper()
	copied := slices.Clone(weights)
	at := slices.IndexFunc(copied, func(w tensor.Named) bool { return w.Name == name })
	values, err := tensor.Float32s(copied[at].View)
	if err != nil {
		t.Fatal(err)
	}
	change(values)
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	copied[at].View = tensor.View{DType: tensor.F32, Shape: copied[at].Shape, Data: tensor.Memory(raw)}
	return copied
}

func transpose(side int) func([]float32) {
	return func(v []float32) {
		for i := range side {
			for j := range i {
				v[i*side+j], v[j*side+i] = v[j*side+i], v[i*side+j]
			}
		}
	}
}

// TestVerify_FindsMistakes changes trained weights as faulty converters do, and makes sure that the result says where and why they differ.
func TestVerify_FindsMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, parameter string
		change          func([]float32)
		at, blame       string
	}{
		{"an untransposed square weight", "blocks.1.attn.proj.weight", transpose(48), "blocks.1", "attn.proj.weight is transposed"},
		{"q and k exchanged", "blocks.2.attn.qkv.weight", func(v []float32) {
			third := len(v) / 3
			for i := range third {
				v[i], v[third+i] = v[third+i], v[i]
			}
		}, "blocks.2", "q and k are exchanged"},
		{"blue and red exchanged", "patch_embed.proj.weight", func(v []float32) {
			for ; len(v) > 0; v = v[768:] {
				for i := range 256 {
					v[i], v[512+i] = v[512+i], v[i]
				}
			}
		}, "embed", "blue, green, red"},
		{"a single weight off", "blocks.0.mlp.fc2.weight", func(v []float32) { v[100] += 0.05 }, "blocks.0", "mlp.fc2.weight[0 100] is about"},
		{"a NaN", "blocks.1.mlp.fc1.bias", func(v []float32) { v[0] = float32(math.NaN()) }, "blocks.1", "NaN or infinity in blocks.1.mlp.fc1.bias"},
		{"an infinity in the head", "head.bias", func(v []float32) { v[0] = float32(math.Inf(1)) }, "logits", "NaN or infinity in head.bias"},
		{"a wrong norm", "fc_norm.weight", func(v []float32) { v[0] *= 1.001 }, "pool", "no reason was found for pool"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			model := "digits_p16_64"
			if c.at == "embed" { // digits are grey: their colours may be exchanged
				model = "tiny_p16_64"
			}
			for _, recorded := range []string{model + ".passl.float32", model + ".unilm.float64"} {
				g := verifytest.One(t, recorded)
				g.Weights = spoil(t, g.Weights, c.parameter, c.change)
				r := run(t, subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording))
				if r.OK || r.FirstDivergence != c.at || !strings.Contains(r.Blame, c.blame) {
					t.Errorf("%s: ok %v, first divergence %q, blame %q", recorded, r.OK, r.FirstDivergence, r.Blame)
				}
			}
		})
	}
}

// TestVerify_LogitsOnly has a reference without inner activations, for which whole models are tried.
func TestVerify_LogitsOnly(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "tiny_p16_64.hf.float64")
	g.Recording.Activations = g.Recording.Activations[len(g.Recording.Activations)-1:]
	if r := run(t, subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording)); !r.OK || len(r.Taps) != 1 {
		t.Errorf("the right epsilon: %+v", r)
	}
	g.Config.Epsilon = arch.Epsilon
	r := run(t, subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording))
	if r.OK || r.FirstDivergence != "logits" || !strings.Contains(r.Blame, "the model agrees with the reference if the LayerNorm epsilon is 1e-12") {
		t.Errorf("ok %v, first divergence %q, blame %q", r.OK, r.FirstDivergence, r.Blame)
	}
}

// TestVerify_NonFiniteReference makes sure that a model is never verified by a reference with a NaN or an infinity.
func TestVerify_NonFiniteReference(t *testing.T) {
	t.Parallel()
	for _, value := range []float64{math.NaN(), math.Inf(1)} {
		g := verifytest.One(t, "tiny_p16_32.passl.float32")
		a, _ := g.Recording.Activation("pool")
		a.Values[3] = value
		r := run(t, subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording))
		if r.OK || r.FirstDivergence != "pool" {
			t.Errorf("%v in the recording: ok %v, first divergence %q", value, r.OK, r.FirstDivergence)
		}
	}
}

func TestAgainst(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.passl.float32")
	same := run(t, subject(g, tensor.Invalid), verify.Against("same", g.Config, verifytest.Weights(t, "digits/digits_p16_64.timm.safetensors")))
	if !same.OK || same.MaxAbs != 0 || same.Images != 2 || len(same.Taps) != 9 {
		t.Errorf("the same weights from another file: %+v", same)
	}
	other := spoil(t, g.Weights, "blocks.1.mlp.fc1.weight", func(v []float32) { v[5] += 0.25 })
	r := run(t, subject(g, tensor.Invalid), verify.Against("other", g.Config, other))
	if r.OK || r.FirstDivergence != "blocks.1" || !namesDifference(r, "the checkpoints differ in blocks.1.mlp.fc1.weight (by up to 0.25)", "blocks.1.mlp.fc1.weight") {
		t.Errorf("one weight differs: ok %v, first divergence %q, blame %q", r.OK, r.FirstDivergence, r.Blame)
	}
	epsilon := g.Config
	epsilon.Epsilon = arch.EpsilonHF
	r = run(t, subject(g, tensor.Invalid), verify.Against("epsilon", epsilon, g.Weights))
	if r.OK || !strings.Contains(r.Blame, "epsilon is 1e-12") || r.Advice != (verify.Advice{Epsilon: arch.EpsilonHF, Stated: true}) {
		t.Errorf("the epsilon differs: ok %v, first divergence %q, blame %q", r.OK, r.FirstDivergence, r.Blame)
	}
}

// faulty is an engine whose results are wrong from one tap on.
type faulty struct{ engine.Engine }

func (faulty) Name() string { return "faulty" }

func (f faulty) Load(ctx context.Context, config arch.Config, weights []tensor.Named, options engine.Options) (engine.Model, error) {
	model, err := f.Engine.Load(ctx, config, weights, options)
	return faultyModel{model}, err
}

type faultyModel struct{ engine.Model }

func (m faultyModel) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	bad := false
	return m.Model.Forward(ctx, input, func(a engine.Activation) error {
		if bad = bad || a.Name == "blocks.1"; bad {
			a.Values[0] += 1e-3
		}
		return tap(a)
	})
}

func TestOracle(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tiny_p16_64.passl.float32", "tiny_mim_p16_64.unilm.float64"} {
		g := verifytest.One(t, name)
		for _, dtype := range []tensor.DType{tensor.Invalid, tensor.F64, tensor.BF16, tensor.F16} {
			r := run(t, subject(g, dtype), verify.Oracle())
			if !r.OK || len(r.Taps) != 2*g.Config.Depth+3 {
				t.Errorf("%s %s: ok %v, %d taps", name, dtype, r.OK, len(r.Taps))
			}
		}
		s := subject(g, tensor.F32)
		s.Engine = faulty{native.Engine{}}
		r := run(t, s, verify.Oracle())
		if r.OK || r.FirstDivergence != "blocks.1" || !strings.HasSuffix(r.Blame, "the faulty engine does not") {
			t.Errorf("%s: ok %v, first divergence %q, blame %q", name, r.OK, r.FirstDivergence, r.Blame)
		}
	}
}

// TestVerify_Errors makes sure that Verify returns an error if the reference cannot be compared.
func TestVerify_Errors(t *testing.T) {
	t.Parallel()
	tiny, digits := verifytest.One(t, "tiny_p16_64.passl.float32"), verifytest.One(t, "digits_p16_64.passl.float32")
	masked := verifytest.One(t, "tiny_mim_p16_64.unilm.float64")
	small := verifytest.One(t, "tiny_p16_32.passl.float32")
	silent, deep, unnamed := *digits.Recording, *digits.Recording, *digits.Recording
	silent.Pixels = nil
	deep.Activations = append(slices.Clone(deep.Activations), engine.Activation{Name: "blocks.3", Shape: tensor.Shape{4, 17, 48}, Values: make([]float64, 4*17*48)})
	slices.SortFunc(deep.Activations, func(a, b engine.Activation) int { return strings.Compare(a.Name, b.Name) })
	unnamed.Activations = nil
	var mismatch *verify.MismatchError
	var noInput *verify.NoInputError
	var parameters *engine.ParametersError
	broken := subject(digits, tensor.Invalid)
	broken.Weights = broken.Weights[1:]
	for _, c := range []struct {
		name      string
		subject   verify.Subject
		reference verify.Reference
		is        func(error) bool
	}{
		{"another number of classes", subject(tiny, tensor.Invalid), verify.Recorded("r", digits.Recording), func(err error) bool { return errors.As(err, &mismatch) && mismatch.What == "logits" }},
		{"another image size", subject(small, tensor.Invalid), verify.Recorded("r", digits.Recording), func(err error) bool { return errors.As(err, &mismatch) && mismatch.What == "input" }},
		{"a mask for a classifier", subject(digits, tensor.Invalid), verify.Recorded("r", masked.Recording), func(err error) bool { return errors.As(err, &mismatch) && mismatch.What == "mask" }},
		{"another checkpoint's image size", subject(small, tensor.Invalid), verify.Against("a", digits.Config, digits.Weights), func(err error) bool { return errors.As(err, &mismatch) && mismatch.What == "input" }},
		{"another checkpoint's classes", subject(tiny, tensor.Invalid), verify.Against("a", digits.Config, digits.Weights), func(err error) bool { return errors.As(err, &mismatch) && mismatch.What == "logits" }},
		{"a block that the model lacks", subject(digits, tensor.Invalid), verify.Recorded("r", &deep), func(err error) bool { return errors.As(err, &mismatch) && mismatch.What == "blocks.3" }},
		{"no inputs", subject(digits, tensor.Invalid), verify.Recorded("r", &silent), func(err error) bool { return errors.As(err, &noInput) }},
		{"nothing in common", subject(digits, tensor.Invalid), verify.Recorded("r", &unnamed), func(err error) bool { return errors.Is(err, verify.ErrNothingToCompare) }},
		{"a parameter missing", broken, verify.Oracle(), func(err error) bool { return errors.As(err, &parameters) }},
		{"a dtype that the engine lacks", subject(digits, tensor.I8), verify.Oracle(), func(err error) bool { return errors.Is(err, engine.ErrUnavailable) }},
	} {
		result, err := verify.Verify(t.Context(), c.subject, c.reference, verify.Options{})
		if err == nil || result != nil || !c.is(err) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

func TestVerify_Cancel(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.passl.float32")
	ctx, stop := context.WithCancel(t.Context())
	_, err := verify.Verify(ctx, subject(g, tensor.Invalid), verify.Recorded(g.Name, g.Recording), verify.Options{Progress: func(done, _ int) {
		if done > 8 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestVerify_Phases makes sure that a caller hears of every phase, and of those that follow a difference only if there is one.
func TestVerify_Phases(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.passl.float32")
	bad := subject(g, tensor.F32)
	bad.Weights = spoil(t, g.Weights, "blocks.1.attn.proj.weight", transpose(48))
	compared := []verify.Phase{verify.Opening, verify.Reading, verify.Running, verify.Alone, verify.Comparing}
	for _, c := range []struct {
		name    string
		subject verify.Subject
		noBlame bool
		want    []verify.Phase
	}{
		{"sound", subject(g, tensor.F32), false, compared},
		{"faulty", bad, false, append(slices.Clone(compared), verify.Doubting, verify.Searching)},
		{"faulty, no reasons", bad, true, append(slices.Clone(compared), verify.Doubting)},
	} {
		var phases []verify.Phase
		_, err := verify.Verify(t.Context(), c.subject, verify.Recorded("r", g.Recording), verify.Options{NoBlame: c.noBlame, Phase: func(p verify.Phase) {
			if !slices.Contains(phases, p) {
				phases = append(phases, p)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, phases); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestVerify_Batches verifies with more images than fit a batch: the result is the same, progress ends at the total, and Images limits them.
func TestVerify_Batches(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "tiny_p16_32.passl.float32")
	const images = 210 // 204 are run at once
	whole := &recording.Recording{DType: tensor.F32, Images: images, Probes: &recording.Probes{First: 3, Last: images + 2, Seed: 9}}
	var pixels []float32
	for n := 3; n <= images+2; n++ {
		pixels = append(pixels, synth.Image(n, g.Config, 9)...)
	}
	model, err := native.Engine{}.Load(t.Context(), g.Config, g.Weights, engine.Options{DType: tensor.F32})
	if err != nil {
		t.Fatal(err)
	}
	logits, err := model.Forward(t.Context(), engine.Input{Pixels: pixels}, nil)
	if err != nil {
		t.Fatal(err)
	}
	whole.Activations = []engine.Activation{logits}
	for _, asked := range []int{0, 1, 999} {
		var done, total int
		result, err := verify.Verify(t.Context(), subject(g, tensor.F32), verify.Recorded("r", whole), verify.Options{Images: asked, Progress: func(d, n int) {
			if d <= done {
				t.Errorf("progress went from %d to %d", done, d)
			}
			done, total = d, n
		}})
		if err != nil {
			t.Fatal(err)
		}
		want := images
		if asked == 1 {
			want = 1
		}
		if !result.OK || result.MaxAbs != 0 || result.Images != want || result.Agreement.Rows != want || done != total {
			t.Errorf("%d images: ok %v, off by %g, %d images, %d rows, progress %d of %d", asked, result.OK, result.MaxAbs, result.Images, result.Agreement.Rows, done, total)
		}
		if diff := cmp.Diff(tensor.Shape{want, 10}, result.Taps[0].Shape); diff != "" {
			t.Error(diff)
		}
	}
	logits.Values[208*10+2] += 1
	r := run(t, subject(g, tensor.F32), verify.Recorded("r", whole))
	if r.OK || r.Taps[0].At != 208*10+2 {
		t.Errorf("a difference in the last batch: ok %v, at %d", r.OK, r.Taps[0].At)
	}
}

// changed returns a copy of a recording with other activations.
func changed(r *recording.Recording, activations ...engine.Activation) *recording.Recording {
	own := *r
	own.Activations = activations
	return &own
}

// namesDifference reports whether a finding says that the checkpoints differ in just these parameters.
func namesDifference(r *verify.Result, sentence string, tensors ...string) bool {
	return slices.ContainsFunc(r.Findings, func(f blame.Finding) bool {
		return f.Hypothesis == "checkpoints-differ" && strings.HasPrefix(f.Sentence, sentence) && slices.Equal(f.Tensors, tensors)
	})
}
