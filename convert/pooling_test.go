package convert_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/configs"
)

// timmModel writes a classifier under the names of timm, with the norm that its pooling has there, and returns the path. A folder gets config.json with stated
// in place of what is said of the pooling; without it, there is a bare file.
func timmModel(t *testing.T, pooling arch.Pooling, stated string) string {
	t.Helper()
	config := arch.Config{
		ImageHeight: 32, ImageWidth: 32, PatchSize: 16, Channels: 3, EmbedDim: 32, HiddenDim: 128, Depth: 1, Heads: 2, Classes: 3,
		Pooling: pooling, Bias: arch.BlockBias, LayerScale: true, Epsilon: arch.Epsilon,
	}
	folder := t.TempDir()
	if _, err := convert.Save(t.Context(), folder+"/beit.pth", config, synth.Weights(config, 1), convert.SaveOptions{To: "timm"}); err != nil {
		t.Fatal(err)
	}
	if stated == "" {
		return folder + "/beit.pth"
	}
	document := `{"architecture": "beit_base_patch16_224", "num_classes": 3, ` + stated + `, "pretrained_cfg": {"input_size": [3, 32, 32]}}`
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(folder+"/beit.pth", folder+"/pytorch_model.bin"); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestPooling reads classifiers whose names leave open which tokens the head sees: what follows, where it is said to come from, and what is refused.
func TestPooling(t *testing.T) {
	t.Parallel()
	mean, token := arch.MeanPooling, arch.ClassToken
	conflict := func(err error) bool {
		e := (*arch.ConflictError)(nil)
		return errors.As(err, &e) && e.Property == arch.PropertyPooling
	}
	twice := func(err error) bool { return errors.As(err, new(*convert.PoolingError)) }
	misfit := func(err error) bool { return errors.As(err, new(*convert.ConfigMismatchError)) }
	unclear := func(err error) bool { return errors.As(err, new(*configs.FileError)) }
	for _, c := range []struct {
		// norm is the pooling whose norm the file has, stated what timm's config.json says, asked what the caller says.
		norm   arch.Pooling
		stated string
		asked  arch.Pooling
		scheme string
		// want and from are what is read; said that a note calls it an assumption; refused checks the error.
		want    arch.Pooling
		from    card.Origin
		said    bool
		refused func(error) bool
	}{
		{norm: mean, want: mean, from: card.Usual},
		{norm: token, want: token, from: card.Usual, said: true},
		{norm: mean, scheme: "unilm", want: mean, from: card.Origin(arch.FromNames)},
		{norm: token, scheme: "unilm", want: token, from: card.Origin(arch.FromNames)},
		{norm: mean, asked: mean, want: mean, from: card.Asked},
		{norm: token, asked: token, want: token, from: card.Asked},
		{norm: mean, asked: token, want: token, from: card.Asked},
		{norm: token, asked: mean, refused: twice},
		{norm: token, asked: mean, scheme: "unilm", refused: conflict},
		{norm: mean, asked: token, scheme: "unilm", refused: conflict},
		{norm: mean, stated: `"num_features": 32, "global_pool": "avg"`, want: mean, from: card.TimmConfig},
		{norm: token, stated: `"num_features": 32, "global_pool": "token"`, want: token, from: card.TimmConfig},
		{norm: token, stated: `"num_features": 32, "global_pool": "avg"`, refused: twice},
		{norm: token, stated: `"num_features": 32, "global_pool": "avg", "model_args": {"depth": 1, "use_fc_norm": false}`, refused: twice},
		{norm: mean, stated: `"num_features": 32, "global_pool": "token"`, refused: unclear},
		{norm: mean, stated: `"num_features": 32, "global_pool": "token"`, asked: token, want: token, from: card.Asked},
		{norm: mean, stated: `"num_features": 32, "global_pool": "token", "model_args": {"depth": 1, "use_fc_norm": true}`, want: token, from: card.TimmConfig},
		{norm: mean, stated: `"num_features": 32, "global_pool": "token"`, asked: mean, refused: conflict},
		{norm: token, stated: `"num_features": 32, "model_args": {"depth": 1, "use_fc_norm": true}`, refused: misfit},
		{norm: mean, stated: `"num_features": 32, "model_args": {"depth": 1, "use_fc_norm": false}`, refused: misfit},
		{norm: mean, stated: `"num_features": 32, "model_args": {"depth": 1, "global_pool": ""}`, refused: unclear},
	} {
		path := timmModel(t, c.norm, c.stated)
		model, err := convert.Open(t.Context(), path, convert.OpenOptions{Pooling: c.asked, From: c.scheme})
		switch {
		case c.refused != nil && !c.refused(err):
			t.Errorf("%+v: %v", c, err)
		case c.refused == nil && err != nil:
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil {
			continue
		}
		defer model.Close()
		said := slices.ContainsFunc(model.Assumptions, func(a arch.Assumption) bool { return a.Property == arch.PropertyPooling })
		if model.Config.Pooling != c.want || model.From[card.Pooling] != c.from || said != c.said {
			t.Errorf("%+v: %s, from %s; %v", c, model.Config.Pooling, model.From[card.Pooling], model.Assumptions)
		}
		for i, p := range model.Config.Params() {
			if model.Tensors[i].Name != p.Name || model.Changes[i].Name != p.Name {
				t.Errorf("%+v: %s at the place of %s", c, model.Tensors[i].Name, p.Name)
			}
		}
	}
}

// TestTimmOfAnotherModel reads weights beside a config.json of timm that is of another model, or says nothing against them.
func TestTimmOfAnotherModel(t *testing.T) {
	t.Parallel()
	for stated, want := range map[string]string{
		`"num_features": 32, "model_args": {"depth": 1}`:                                "",
		`"model_args": {"depth": 1, "embed_dim": 32, "num_classes": 3, "img_size": 32}`: "",
		`"num_features": 768, "model_args": {"depth": 1}`:                               `it is of "beit_base_patch16_224", with width 768, not 32`,
		`"x": 0`: `it is of "beit_base_patch16_224", with width 768, not 32; depth 12, not 1`,
		`"num_features": 32, "model_args": {"depth": 2}`:           "depth 2, not 1",
		`"num_features": 32, "model_args": {"in_chans": 4}`:        "channels 4, not 3",
		`"num_features": 32, "model_args": {"num_classes": 4}`:     "classes 4, not 3",
		`"num_features": 32, "model_args": {"img_size": [32, 48]}`: "width of images 48, not 32",
	} {
		path := timmModel(t, arch.MeanPooling, stated)
		model, err := convert.Open(t.Context(), path, convert.OpenOptions{})
		if err == nil {
			defer model.Close()
		}
		misfit := (*convert.ConfigMismatchError)(nil)
		if want == "" && err != nil || want != "" && (!errors.As(err, &misfit) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %s", stated, err, want)
		}
	}
}

// TestPooling_Carried writes a model whose pooling is a guess to a file with metadata, in which it stays one, and can still be stated.
func TestPooling_Carried(t *testing.T) {
	t.Parallel()
	guessed := filepath.Join(t.TempDir(), "guessed.safetensors")
	mustConvert(t, timmModel(t, arch.MeanPooling, ""), guessed, convert.Options{})
	model := mustOpen(t, guessed)
	if from := model.From[card.Pooling]; from != card.CarriedGuess {
		t.Errorf("from %s", from)
	}
	known := filepath.Join(t.TempDir(), "known.safetensors")
	report := mustConvert(t, guessed, known, convert.Options{OpenOptions: convert.OpenOptions{Pooling: arch.ClassToken}})
	if model := mustOpen(t, known); model.Config.Pooling != arch.ClassToken || model.From[card.Pooling] != card.Metadata {
		t.Errorf("%s, from %s", model.Config.Pooling, model.From[card.Pooling])
	}
	if !strings.Contains(strings.Join(report.Notes, "\n"), "fc_norm is read as the norm of all tokens") {
		t.Errorf("notes: %q", report.Notes)
	}
	_, err := convert.Open(t.Context(), known, convert.OpenOptions{Pooling: arch.MeanPooling})
	if !errors.As(err, new(*arch.ConflictError)) {
		t.Errorf("the mean of a file that states the class token: %v", err)
	}
}
