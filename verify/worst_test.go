package verify_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

func TestWorst(t *testing.T) {
	t.Parallel()
	path := func(name string) string { return verifytest.Path(t, name+".recording.safetensors") }
	passl, unilm, timm := path("../manifests/embedded/digits_p16_64.passl.float32"), path("digits/digits_p16_64.unilm.float32"), path("digits/digits_p16_64.timm.float32")
	hf := path("digits/digits_p16_64.hf.float32") // another epsilon, so it does not verify
	s := subject(verifytest.One(t, "digits_p16_64.passl.float32"), tensor.F32)
	for _, c := range []struct {
		name       string
		recordings []string
		ok         bool
		path       string
	}{
		{"the oracle", nil, true, ""},
		{"one", []string{passl}, true, passl},
		{"the first is worse", []string{timm, passl}, true, timm},
		{"the last is worse", []string{passl, timm}, true, timm},
		{"one fails", []string{passl, hf, unilm}, false, hf},
	} {
		result, path, err := verify.Worst(t.Context(), s, c.recordings, verify.Options{NoBlame: true})
		if err != nil {
			t.Fatal(err)
		}
		if result.OK != c.ok || path != c.path || !strings.Contains(result.Reference, c.path) {
			t.Errorf("%s: ok %t, recording %q, reference %q, off by %g of %g", c.name, result.OK, path, result.Reference, result.MaxAbs, result.Tolerance)
		}
	}
	_, _, err := verify.Worst(t.Context(), s, []string{passl, filepath.Join(t.TempDir(), "none")}, verify.Options{})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a recording that is not there: error %v", err)
	}
}

// closeCounter counts how often a model is closed.
type closeCounter struct {
	engine.Model
	closed int
}

func (c *closeCounter) Close() error {
	c.closed++
	return c.Model.Close()
}

func TestModelReference(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "tiny_p16_32.passl.float32")
	s := subject(g, tensor.F32)
	var model *closeCounter
	reference := func(epsilon float64) verify.Reference {
		return verify.ModelReference(verify.Origin{Name: "a model", DType: tensor.F32, Stored: tensor.F64}, func(ctx context.Context, subject verify.Subject) (engine.Model, error) {
			config := subject.Config
			config.Epsilon = epsilon
			loaded, err := native.Engine{}.Load(ctx, config, g.Weights, subject.Options)
			model = &closeCounter{Model: loaded}
			return model, err
		})
	}
	same := run(t, s, reference(g.Config.Epsilon))
	if !same.OK || same.MaxAbs != 0 || same.Images != 2 || same.Reference != "a model" || model.closed != 1 {
		t.Errorf("the same model: %+v, closed %d times", same, model.closed)
	}
	other := run(t, s, reference(arch.EpsilonHF))
	if other.OK || other.Advice != (verify.Advice{Epsilon: arch.EpsilonHF}) || model.closed != 1 {
		t.Errorf("another epsilon: ok %t, blame %q, advice %+v, closed %d times", other.OK, other.Blame, other.Advice, model.closed)
	}
	failed := errors.New("broken")
	broken := verify.ModelReference(verify.Origin{}, func(context.Context, verify.Subject) (engine.Model, error) { return nil, failed })
	if _, err := verify.Verify(t.Context(), s, broken, verify.Options{}); !errors.Is(err, failed) {
		t.Errorf("a model that does not load: error %v", err)
	}
}

// TestReference_ZeroValue makes sure that the zero value is the oracle.
func TestReference_ZeroValue(t *testing.T) {
	t.Parallel()
	s := subject(verifytest.One(t, "tiny_p16_32.passl.float32"), tensor.F32)
	if r := run(t, s, verify.Reference{}); !r.OK || r.Reference != verify.Oracle().Name {
		t.Errorf("%+v", r)
	}
}

// TestErrors_SayTheirKind makes sure that errors about references are of the kind ErrInput.
func TestErrors_SayTheirKind(t *testing.T) {
	t.Parallel()
	for _, err := range []error{verify.ErrNothingToCompare, &verify.MismatchError{What: "logits"}, &verify.NoInputError{Name: "r"}} {
		if !errors.Is(err, errdef.ErrInput) || err.Error() == "" {
			t.Errorf("%v is not an ErrInput", err)
		}
	}
}
