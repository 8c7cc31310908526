package naming_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
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

// timm builds models without biases for queries and values, and so do PASSL and mmpretrain; transformers does not.
func TestRead_WithoutBiases(t *testing.T) {
	t.Parallel()
	read, err := naming.Read(t.Context(), list(t, "forms/no_biases", ones), naming.Options{})
	if err != nil {
		t.Fatal(err)
	}
	biases := 0
	for i, made := range read.Tensors {
		if !strings.HasSuffix(made.Name, "q_bias") && !strings.HasSuffix(made.Name, "v_bias") {
			continue
		}
		biases++
		raw, err := made.Bytes()
		if err != nil || !made.Shape.Equal(tensor.Shape{32}) || len(read.Changes[i].From) != 0 || strings.Trim(string(raw), "\x00") != "" {
			t.Errorf("%s: %v of %v, %v", made.Name, made.Shape, read.Changes[i].From, err)
		}
	}
	if notes := strings.Join(read.Notes, "\n"); biases != 4 || !strings.Contains(notes, "4 biases were read as zeros") {
		t.Errorf("%d biases, notes %s", biases, notes)
	}

	// Another architecture than that of the tensors is said, and the biases are not.
	other := read.Config
	other.EmbedDim = 64
	_, err = naming.Read(t.Context(), list(t, "forms/no_biases", ones), naming.Options{Arch: &other})
	if err == nil || strings.Contains(err.Error(), "q_bias") {
		t.Errorf("with another width: %v", err)
	}

	var mismatch *naming.MismatchError
	for _, scheme := range []string{naming.HF, naming.Data2Vec} {
		config := byName(t, "tiny_p16_32")
		var lost []tensor.Named
		for _, made := range write(t, scheme, config) {
			if !strings.HasSuffix(made.Name, "query.bias") && !strings.HasSuffix(made.Name, "value.bias") {
				lost = append(lost, made)
			}
		}
		_, err := naming.Read(t.Context(), lost, naming.Options{})
		if !errors.As(err, &mismatch) || !mismatch.Explained() || !strings.Contains(errdef.Hint(err), "biases of zeros compute the same") {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

// A model that was built without some parameters is not called incomplete, and what helps is true: PyTorch builds layers without a bias, RMSNorm has none, and
// loralib keeps its matrices beside the weights.
func TestRead_NamesWhatIsWithout(t *testing.T) {
	t.Parallel()
	whole := write(t, naming.Timm, byName(t, "tiny_p16_32"))
	retyped := func(name string, dtype tensor.DType) []tensor.Named {
		changed := slices.Clone(whole)
		for i, made := range changed {
			if elements, _ := made.Shape.Elements(); made.Name == name {
				changed[i].View = tensor.View{DType: dtype, Shape: made.Shape, Data: tensor.Memory(make([]byte, int(elements)*dtype.Size()))}
			}
		}
		return changed
	}
	without := func(pattern string) []tensor.Named {
		return slices.DeleteFunc(slices.Clone(whole), func(made tensor.Named) bool { return regexp.MustCompile(pattern).MatchString(made.Name) })
	}
	matrix := tensor.View{DType: tensor.F32, Shape: tensor.Shape{1, 1}, Data: tensor.Memory(make([]byte, 4))}
	for name, c := range map[string]struct {
		tensors    []tensor.Named
		says, hint string
	}{
		"head without bias":     {without(`^head\.bias$`), `missing "head.bias"`, "biases of zeros compute the same"},
		"patches without bias":  {without(`^patch_embed\.proj\.bias$`), `missing "patch_embed.proj.bias"`, "biases of zeros compute the same"},
		"norms without biases":  {without(`norm.*\.bias$`), `"fc_norm.bias"`, "RMSNorms"},
		"no last norm":          {without(`^fc_norm`), `missing "fc_norm.bias", "fc_norm.weight"`, "no norm behind its last block"},
		"whole numbers":         {retyped("blocks.0.mlp.fc1.weight", tensor.I8), `a quantised model (elements of type I8), because it has a parameter "blocks.0.mlp.fc1.weight"`, "multiply each weight by its scale"},
		"complex numbers":       {retyped("blocks.0.norm1.weight", tensor.C64), "elements of type C64", "t.real"},
		"loralib with a model":  {append(slices.Clone(whole), tensor.Named{Name: "blocks.0.attn.qkv.lora_A", View: matrix}), "a model with matrices of LoRA (loralib)", "lora_B @ lora_A * alpha / r"},
		"loralib without model": {[]tensor.Named{{Name: "blocks.0.attn.qkv.lora_A", View: matrix}}, "the matrices of LoRA (loralib), not the model", "lora_B @ lora_A * alpha / r"},
		"twice the same bias":   {append(slices.Clone(whole), tensor.Named{Name: "blocks.0.attn.qkv.bias", View: tensor.View{DType: tensor.F32, Shape: tensor.Shape{96}, Data: tensor.Memory(make([]byte, 384))}}), "1 tensor does not fit", ""},
	} {
		_, err := naming.Read(t.Context(), c.tensors, naming.Options{})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(errdef.Hint(err), c.hint) || strings.HasPrefix(errdef.Hint(err), "the checkpoint is incomplete") {
			t.Errorf("%s: %T %v, hint %s", name, err, err, errdef.Hint(err))
		}
	}
}

// What is left out beside a model and likely takes part in what its program computes is said to.
func TestRead_SaysWhatMayChangeResults(t *testing.T) {
	t.Parallel()
	for beside, says := range map[string]bool{"temperature": true, "normalize.mean": true, "steps": false} {
		tensors := []tensor.Named{zeros(beside, 1)}
		for _, made := range write(t, naming.Timm, byName(t, "tiny_p16_32")) {
			tensors = append(tensors, tensor.Named{Name: "net." + made.Name, View: made.View})
		}
		read, err := naming.Read(t.Context(), tensors, naming.Options{})
		if err != nil {
			t.Errorf("%s: %v", beside, err)
			continue
		}
		if notes := strings.Join(read.Notes, "\n"); strings.Contains(notes, "results may change: \""+beside+"\"") != says {
			t.Errorf("%s: %s", beside, notes)
		}
	}
}
