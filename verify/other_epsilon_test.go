package verify_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// mute is a model that shows its logits alone.
type mute struct{ engine.Model }

func (m mute) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	return m.Model.Forward(ctx, input, func(a engine.Activation) error {
		if a.Name != "logits" {
			return nil
		}
		return tap(a)
	})
}

// muteReference is the model itself in float32, with another epsilon, of which it shows the logits alone. It states an epsilon, or 0.
func muteReference(s verify.Subject, epsilon, stated float64) verify.Reference {
	origin := verify.Origin{Name: "mute", DType: tensor.F32, Stored: tensor.F64, Epsilon: stated}
	return verify.ModelReference(origin, func(ctx context.Context, _ verify.Subject) (engine.Model, error) {
		config := s.Config
		config.Epsilon = epsilon
		model, err := native.Engine{}.Load(ctx, config, s.Weights, engine.Options{DType: tensor.F32})
		return mute{model}, err
	})
}

// louder returns the tiny model with everything that is added to the stream multiplied by a factor, so that an epsilon has an effect that many squared times
// smaller, and nothing else changes.
func louder(t *testing.T, factor float32) verify.Subject {
	t.Helper()
	g := verifytest.One(t, "tiny_p16_64.unilm.float64")
	for _, w := range slices.Clone(g.Weights) {
		if name := w.Name; strings.HasPrefix(name, "patch_embed") || name == "cls_token" || strings.Contains(name, "gamma_") {
			g.Weights = spoil(t, g.Weights, name, func(v []float32) {
				for i := range v {
					v[i] *= factor
				}
			})
		}
	}
	s := subject(g, tensor.F32)
	s.Config.Epsilon, s.EpsilonGuessed = arch.Epsilon, true
	return s
}

// TestVerify_OtherEpsilonFromLogits plants an epsilon that is lost in what logits alone may differ by. It is found by its direction, unless it is known.
func TestVerify_OtherEpsilonFromLogits(t *testing.T) {
	t.Parallel()
	s := louder(t, 3)
	for _, c := range []struct {
		name            string
		epsilon, stated float64
		guessed, ok     bool
		images          int
	}{
		{"another, not stated", 1e-12, 0, true, false, 4},
		{"another, not stated, of a model that states its own", 1e-12, 0, false, false, 4},
		{"another, stated", 1e-12, 1e-12, true, false, 4},
		{"another, that says it is the same, beside a guess", 1e-12, 1e-6, true, false, 4},
		{"another, that says it is the same, of a model that states its own", 1e-12, 1e-6, false, true, 4},
		{"another, in too few logits", 1e-12, 0, true, true, 2},
		{"the same", 1e-6, 0, true, true, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := s
			s.EpsilonGuessed = c.guessed
			r, err := verify.Verify(t.Context(), s, muteReference(s, c.epsilon, c.stated), verify.Options{Images: c.images})
			if err != nil || r.OK != c.ok || len(r.Taps) != 1 {
				t.Fatalf("%+v, %v", r, err)
			}
			tap := r.Taps[0]
			if c.ok {
				t.Logf("%.2g of the tolerance, %.2g of that of the root mean square", tap.MaxAbs/tap.Tolerance, tap.RMS/tap.ToleranceRMS)
				return
			}
			if len(r.Findings) != 1 || r.Advice != (verify.Advice{Epsilon: 1e-12, Stated: c.stated == 1e-12}) || r.FirstDivergence != "logits" {
				t.Fatalf("%+v", r)
			}
			f := r.Findings[0]
			if f.Hypothesis != "epsilon" || !strings.Contains(f.Sentence, "is 1e-12, not 1e-06") || !strings.Contains(f.Sentence, "could be something else") {
				t.Errorf("%+v", f)
			}
			if !(tap.MaxAbs > tap.Tolerance && f.Distance < f.Tolerance && f.Tolerance < f.Without) {
				t.Errorf("%g is not within %g, or %g is: %+v", f.Distance, f.Tolerance, f.Without, tap)
			}
			s.Config.Epsilon = 1e-12
			if r, err = verify.Verify(t.Context(), s, muteReference(s, c.epsilon, 0), verify.Options{Images: c.images}); err != nil || !r.OK {
				t.Errorf("with that epsilon: %+v, %v", r, err)
			}
		})
	}
}

// TestVerify_EpsilonOfLastNormFromLogits plants another epsilon in the last norm alone, too small for the tolerance. No flag makes a model of it.
func TestVerify_EpsilonOfLastNormFromLogits(t *testing.T) {
	t.Parallel()
	s := louder(t, 6)
	theirs := s.Config
	theirs.Epsilon = 1e-5
	reference := verify.ModelReference(verify.Origin{Name: "mute", DType: tensor.F32, Stored: tensor.F64}, func(ctx context.Context, _ verify.Subject) (engine.Model, error) {
		own, err := native.Engine{}.Load(ctx, s.Config, s.Weights, engine.Options{DType: tensor.F32})
		if err != nil {
			return nil, err
		}
		parts, err := native.Engine{}.Parts(theirs, s.Weights, engine.Options{DType: tensor.F32})
		return lastNorm{own, parts, theirs.Depth}, err
	})
	r, err := verify.Verify(t.Context(), s, reference, verify.Options{Images: 4})
	if err != nil || r.OK || len(r.Findings) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	f := r.Findings[0]
	if f.Stage != blame.WholeModel || f.Hypothesis != "epsilon" || !strings.Contains(f.Sentence, "the epsilon of the last norm is 1e-05, not 1e-06") || r.Advice != (verify.Advice{}) {
		t.Errorf("%+v, advice %+v", f, r.Advice)
	}
}

// lastNorm is a model whose last norm and head are those of parts, of which it shows the logits alone.
type lastNorm struct {
	engine.Model
	parts *native.Parts
	depth int
}

func (m lastNorm) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	last := engine.Stage{Kind: engine.Block, Block: m.depth - 1}
	var acts []engine.Activation
	out, err := m.Model.Forward(ctx, input, func(a engine.Activation) error {
		if a.Name == last.String() {
			a.Values = slices.Clone(a.Values)
			acts = append(acts, a)
		}
		return nil
	})
	for _, kind := range []engine.StageKind{engine.Pool, engine.Logits} {
		if err != nil {
			return out, err
		}
		var part native.Part
		if part, err = m.parts.Load(engine.Stage{Kind: kind}); err == nil {
			acts, err = part(ctx, input, acts...)
		}
	}
	if err != nil {
		return out, err
	}
	return acts[0], tap(acts[0])
}

// TestVerify_RightEpsilonFromLogits gives the logits alone of every recording in float32, of four frameworks, beside a model with their epsilon, which is said to be a
// guess, so that others are tried where rounding is large.
func TestVerify_RightEpsilonFromLogits(t *testing.T) {
	t.Parallel()
	count := 0
	for _, g := range verifytest.Small(t) {
		if g.Recording.DType != tensor.F32 {
			continue
		}
		count++
		for _, images := range []int{1, 2, 3, 4} {
			t.Run(fmt.Sprintf("%s/%d", g.Name, images), func(t *testing.T) {
				t.Parallel()
				alone := *g.Recording
				alone.Activations = slices.DeleteFunc(slices.Clone(alone.Activations), func(a engine.Activation) bool { return a.Name != "logits" })
				alone.Epsilon = 0
				s := subject(g, tensor.F32)
				s.EpsilonGuessed = true
				r, err := verify.Verify(t.Context(), s, verify.Recorded(g.Name, &alone), verify.Options{Images: images})
				if err != nil || !r.OK {
					t.Errorf("%+v, %v", r, err)
				}
			})
		}
	}
	if count < 5 {
		t.Errorf("only %d recordings are in float32", count)
	}
}
