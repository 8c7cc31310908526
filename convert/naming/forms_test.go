package naming_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
)

// Models in another form than a plain state dict are called what they are, with the way to one that can be read. testdata/forms/make.py made the names.
func TestRead_NamesForms(t *testing.T) {
	t.Parallel()
	var (
		form     *naming.UnsupportedError
		mismatch *naming.MismatchError
		beside   *naming.BesideError
		several  *naming.SeveralModelsError
	)
	for name, want := range map[string]struct {
		as         any
		says, hint string
	}{
		"weight_norm":      {&form, "weight norm", "remove_parametrizations"},
		"weight_norm_old":  {&form, "weight norm", "remove_weight_norm"},
		"pruned":           {&form, "a pruned model", "prune.remove"},
		"quantised":        {&form, "a quantised model", "before it was quantised"},
		"no_biases":        {&mismatch, `missing "blocks.0.attn.q_bias", "blocks.0.attn.v_bias"`, "biases of zeros compute the same"},
		"head_in_sequence": {&mismatch, `unexpected "head.1.bias", "head.1.weight"`, `if "head.1.weight" is the head of the model, say so with a row of a map`},
		"linear_behind":    {&beside, `"1.weight", "1.bias"`, "say which with a map"},
		"student_and_vit":  {&several, `2 models: under "student."; under "teacher." not a BEiT but a plain vision transformer`, "select one of them"},
	} {
		_, err := naming.Read(t.Context(), list(t, "forms/"+name, zeros), naming.Options{})
		if !errors.As(err, want.as) || !strings.Contains(err.Error(), want.says) || !strings.Contains(errdef.Hint(err), want.hint) {
			t.Errorf("%s: %T %v, hint %s", name, err, err, errdef.Hint(err))
		}
	}
}
