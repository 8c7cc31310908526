package convert_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
)

// OpenAI's pickled module goes through all the forms that others have, and comes back as the state dict of the same module, bit for bit. What PASSL's and
// transformers' own classes wrote of the same weights is equal to it on the way.
func TestTokenizer_ThroughEveryForm(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := testdata + "tokenizer/digits_dvae.encoder.pkl"
	for _, step := range []struct{ to, scheme, same string }{
		{"canonical.safetensors", naming.Canonical, ""},
		{"passl.pdparams", naming.PASSL, "digits_dvae.passl.encoder.pdparams"},
		{"flava/", naming.FLAVA, "digits_dvae.flava"},
		{"openmmlab.pth", naming.OpenMMLab, ""},
		{"openai.pth", naming.OpenAI, "digits_dvae.encoder.pkl"},
	} {
		target := folder + "/" + step.to
		report := mustConvert(t, at, target, convert.Options{SaveOptions: convert.SaveOptions{To: step.scheme, Prove: true}})
		if len(report.Lossy)+len(report.Dropped) > 0 || report.Architecture.Kind != arch.DVAEEncoder {
			t.Errorf("%s: %+v", step.to, report)
		}
		if step.same != "" {
			mustBeEqual(t, target, testdata+"tokenizer/"+step.same)
		}
		at = target
	}
	mustBeEqual(t, at, testdata+"tokenizer/digits_dvae.encoder.pkl")
	config, err := os.ReadFile(folder + "/flava/config.json")
	if err != nil {
		t.Fatal(err)
	}
	facts, err := configs.ParseTransformers(config)
	if err != nil || facts.Config.Name != "digits_dvae_encoder" || facts.Type != configs.FLAVACodebook {
		t.Errorf("%v, %+v", err, facts)
	}
}

// Who names no scheme gets the one that people of the format have for tokenizers.
func TestTokenizer_UsualSchemes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, target, scheme, wrapper string }{
		{"digits_dvae.encoder.pkl", "a.pth", naming.OpenAI, ""},
		{"digits_dvae.encoder.pkl", "a.bin", naming.FLAVA, ""},
		{"digits_dvae.encoder.pkl", "folder/", naming.FLAVA, ""},
		{"digits_dvae.encoder.pkl", "a.pdparams", naming.PASSL, ""},
		{"digits_dvae.flava", "a.safetensors", naming.Canonical, ""},
		{"digits_dvae.decoder.pkl", "a.bin", naming.OpenAI, ""},
		{"vqkd_p16_64.unilm.pth", "a.pth", naming.Unilm, "model"},
		{"vqkd_p16_64.unilm.pth", "a.bin", naming.Unilm, "model"},
		{"vqkd_p16_64.unilm.pth", "a.pdparams", naming.Unilm, ""},
	} {
		report := mustConvert(t, testdata+"tokenizer/"+c.source, t.TempDir()+"/"+c.target, convert.Options{SaveOptions: convert.SaveOptions{Prove: true}})
		if report.Saved.Scheme != c.scheme || report.Saved.Wrapper != c.wrapper {
			t.Errorf("%s to %s: %s, wrapper %q", c.source, c.target, report.Saved.Scheme, report.Saved.Wrapper)
		}
	}
	for _, c := range []struct {
		source, target, to string
		part               naming.Part
	}{
		{"digits_dvae.decoder.pkl", "folder/", "", naming.WholeModel},
		{"digits_dvae.decoder.pkl", "a.bin", naming.FLAVA, naming.WholeModel},
		{"vqkd_p16_64.unilm.pth", "a.pth", naming.OpenMMLab, naming.TrainingParts},
		{"vqkd_p16_64.unilm.pth", "a.pth", naming.Timm, naming.WholeModel},
	} {
		_, err := convert.Convert(t.Context(), testdata+"tokenizer/"+c.source, t.TempDir()+"/"+c.target, convert.Options{SaveOptions: convert.SaveOptions{To: c.to}})
		var nameless *naming.NoNameError
		if !errors.As(err, &nameless) || nameless.Part != c.part || len(nameless.Schemes) == 0 {
			t.Errorf("%s to %s %s: %v", c.source, c.target, c.to, err)
		}
	}
}

// OpenMMLab has no place for what VQ-KD is trained with. Without it there and back is the identity; what was left out is said and recorded.
func TestTokenizer_VQKDThroughOpenMMLab(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	source := testdata + "tokenizer/vqkd_p16_64.unilm.pth"
	drop := convert.Options{
		OpenOptions: convert.OpenOptions{Drop: []string{convert.TrainingOfVQKD}}, SaveOptions: convert.SaveOptions{To: naming.OpenMMLab, Prove: true},
		AllowLossy: []string{"drop"},
	}
	report := mustConvert(t, source, folder+"/openmmlab.pth", drop)
	if got := report.Architecture.Codebook; got.Decoder != (arch.CodeDecoder{}) || got.Statistics || !got.Usage || len(report.Dropped) != 25 {
		t.Errorf("%+v, %d left out", got, len(report.Dropped))
	}
	if !strings.Contains(strings.Join(report.Notes, "; "), `left out 25 tensors: asked for, by "vqkd-training"`) {
		t.Errorf("notes %q", report.Notes)
	}
	mustConvert(t, folder+"/openmmlab.pth", folder+"/unilm.pth", convert.Options{OpenOptions: convert.OpenOptions{Heads: 3}, SaveOptions: convert.SaveOptions{To: naming.Unilm, Prove: true}})
	same, err := convert.Diff(t.Context(), source, folder+"/unilm.pth", convert.OpenOptions{Drop: []string{convert.TrainingOfVQKD}, MayNotFit: true},
		convert.OpenOptions{Heads: 3})
	if err != nil || !same.SameValues || same.Parameters != 52 {
		t.Errorf("%v, %v of %d", err, same.SameValues, same.Parameters)
	}
}

// A dVAE has no size of its own: the caller's counts, whatever the file says.
func TestTokenizer_AnySize(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/a.safetensors"
	mustConvert(t, testdata+"tokenizer/digits_dvae.encoder.pkl", path, convert.Options{OpenOptions: convert.OpenOptions{Window: arch.Window{Height: 5, Width: 7}}})
	for _, c := range []struct {
		window        arch.Window
		height, width int
		from          card.Origin
	}{
		{arch.Window{}, 40, 56, card.Metadata},
		{arch.Window{Height: 2, Width: 2}, 16, 16, card.Asked},
	} {
		model, err := convert.Open(t.Context(), path, convert.OpenOptions{Window: c.window})
		if err != nil {
			t.Fatal(err)
		}
		if model.Config.ImageHeight != c.height || model.Config.ImageWidth != c.width || model.From[card.Window] != c.from {
			t.Errorf("%+v: %+v, %s", c.window, model.Config, model.From[card.Window])
		}
		model.Close()
	}
}

// What a dVAE does not have can't be stated of it.
func TestTokenizer_RefusesWhatItDoesNotHave(t *testing.T) {
	t.Parallel()
	for want, options := range map[string]convert.OpenOptions{
		"it has no attention": {Heads: 3},
		"it has no norms":     {Epsilon: 1e-6},
		"it has no classes":   {Labels: []string{"a"}},
	} {
		_, err := convert.Open(t.Context(), testdata+"tokenizer/digits_dvae.encoder.pkl", options)
		var refused *convert.NoClassesError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || !errors.Is(err, errdef.ErrUsage) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// FLAVA's codebook is read out of the whole model by its prefix, with its part of the configuration.
func TestTokenizer_InsideFLAVA(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	raw, err := os.ReadFile(testdata + "tokenizer/digits_dvae.flava/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	header := strings.ReplaceAll(string(raw), `"blocks.`, `"image_codebook.blocks.`)
	grown := len(header) - len(raw)
	length := int(raw[0]) | int(raw[1])<<8 | int(raw[2])<<16
	whole := []byte(header)
	for i := range 3 {
		whole[i] = byte((length + grown) >> (8 * i))
	}
	if err := os.WriteFile(filepath.Join(folder, "model.safetensors"), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	config := `{"model_type": "flava", "image_codebook_config": {"hidden_size": 16, "num_blocks_per_group": 1, "vocab_size": 32}}`
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := convert.Open(t.Context(), folder, convert.OpenOptions{}); err == nil {
		t.Error("read although nobody said which part")
	}
	model, err := convert.Open(t.Context(), folder, convert.OpenOptions{Select: "image_codebook"})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if model.Config.Name != "digits_dvae_encoder" || model.Scheme != naming.FLAVA {
		t.Errorf("read as %s, %+v", model.Scheme, model.Config)
	}
}

// A codebook that does not say that its codes are set is one that training sets anew.
func TestTokenizer_VQKDWithoutUsageIsSaid(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{naming.Unilm, naming.OpenMMLab} {
		for says, drop := range map[bool][]string{
			false: {convert.TrainingOfVQKD}, true: {convert.TrainingOfVQKD, "quantize.cluster_size", "quantize.embedding.initted"},
		} {
			report := mustConvert(t, testdata+"tokenizer/vqkd_p16_64.unilm.pth", t.TempDir()+"/out.pth", convert.Options{
				OpenOptions: convert.OpenOptions{Drop: drop, Heads: 3}, SaveOptions: convert.SaveOptions{To: scheme}, AllowLossy: []string{"drop"},
			})
			if got := strings.Contains(strings.Join(report.Notes, "; "), "no quantize.embedding.initted"); got != says || report.Architecture.Codebook.Usage == says {
				t.Errorf("%s without %s: notes %q", scheme, drop, report.Notes)
			}
		}
	}
}
