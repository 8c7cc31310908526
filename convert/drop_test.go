package convert_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

const digitsUnilm = "../testdata/digits/digits_p16_64.unilm.pth"

// withForeign writes the digits with tensors of their training program beside them, and returns the path.
func withForeign(t *testing.T) string {
	t.Helper()
	var foreign []tensor.Named
	for _, name := range []string{"criterion.a.weight", "criterion.b", "steps"} {
		foreign = append(foreign, tensor.Named{Name: name, View: tensor.View{DType: tensor.F32, Shape: tensor.Shape{1}, Data: tensor.Memory{0, 0, 128, 63}}})
	}
	return digitsWith(t, foreign...)
}

// digitsWith writes the digits with tensors beside them, and returns the path.
func digitsWith(t *testing.T, added ...tensor.Named) string {
	t.Helper()
	model, err := convert.Open(t.Context(), digitsUnilm, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	tensors := slices.Concat(model.File.Tensors, added)
	parts, err := safetensors.Format.Write(tensors, checkpoint.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "foreign.safetensors")
	if err := output.Write(t.Context(), path, parts, output.Options{NoSync: true}); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDrop_LeavesOutWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	path := withForeign(t)
	report, err := convert.Convert(t.Context(), path, filepath.Join(t.TempDir(), "x.pth"), convert.Options{
		OpenOptions: convert.OpenOptions{Drop: []string{"criterion.*", "ste?s"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var dropped []string
	for _, d := range report.Dropped {
		if strings.HasPrefix(d.Reason, "asked for") {
			dropped = append(dropped, d.Name+" "+d.Reason)
		}
	}
	want := []string{`criterion.a.weight asked for, by "criterion.*"`, `criterion.b asked for, by "criterion.*"`, `steps asked for, by "ste?s"`}
	slices.Sort(dropped)
	if !slices.Equal(dropped, want) {
		t.Errorf("dropped %q", dropped)
	}
	if !slices.Contains(report.Notes, `left out 2 tensors: asked for, by "criterion.*"`) {
		t.Errorf("notes %q", report.Notes)
	}
	if len(report.Steps) != 2 || report.Steps[0].Name != adapt.StepDrop || len(report.Lossy) != 2 {
		t.Errorf("steps %v, lossy %q", report.Steps, report.Lossy)
	}
	var lossy *convert.LossyStepsError
	proved := convert.Options{OpenOptions: convert.OpenOptions{Drop: []string{"criterion.*", "steps"}}, SaveOptions: convert.SaveOptions{Prove: true}}
	if _, err := convert.Convert(t.Context(), path, filepath.Join(t.TempDir(), "x.safetensors"), proved); !errors.As(err, &lossy) || !slices.Equal(lossy.Names(), []string{adapt.StepDrop}) {
		t.Errorf("proved: %v", err)
	}
	proved.AllowLossy = []string{adapt.StepDrop}
	recorded := filepath.Join(t.TempDir(), "x.safetensors")
	if _, err := convert.Convert(t.Context(), path, recorded, proved); err != nil {
		t.Fatal(err)
	}
	again, err := convert.Open(t.Context(), recorded, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if len(again.Steps) != 2 || !slices.Equal(again.Steps[0].Tensors, []string{"criterion.a.weight", "criterion.b"}) {
		t.Errorf("the file records %v", again.Steps)
	}
	difference, err := convert.Diff(t.Context(), report.Saved.Path, digitsUnilm, convert.OpenOptions{}, convert.OpenOptions{})
	if err != nil || !difference.Equal {
		t.Errorf("what is left differs from the model: %v", err)
	}
	// for whichever of two files has such tensors
	options := convert.OpenOptions{Drop: []string{"criterion.*", "steps"}, MayNotFit: true}
	if difference, err = convert.Diff(t.Context(), digitsUnilm, path, options, options); err != nil || !difference.Equal {
		t.Errorf("%v", err)
	}
	options.Drop = append(options.Drop, "optimizer.*")
	var unused *convert.DropError
	if _, err = convert.Diff(t.Context(), digitsUnilm, path, options, options); !errors.As(err, &unused) || unused.Pattern != "optimizer.*" {
		t.Errorf("a pattern that stands for nothing in both: %v", err)
	}
}

func TestDrop_RefusesWhatStandsForNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pattern, want, hint string }{
		{"fc_nrom.weight", `no tensor has a name like "fc_nrom.weight"`, `"fc_norm.weight"`},
		{"*", "can't be left out", "an asterisk"},
		{"", "can't be left out", "an asterisk"},
		{convert.ClassBranch, "no branch for the class token", "leave that out"},
	} {
		_, err := convert.Open(t.Context(), digitsUnilm, convert.OpenOptions{Drop: []string{c.pattern}})
		var refused *convert.DropError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || !strings.Contains(refused.Hint(), c.hint) {
			t.Errorf("%q: %v", c.pattern, err)
		}
	}
	var needed *convert.DropError
	if _, err := convert.Open(t.Context(), digitsUnilm, convert.OpenOptions{Drop: []string{"cls_token"}}); !errors.As(err, &needed) || len(needed.Needed) != 1 {
		t.Errorf("a parameter that the model needs: %v", err)
	}
}

// A model is written by a map, and read back by it, with the epsilon that the map states unless the file says otherwise.
func TestMap_ThereAndBack(t *testing.T) {
	t.Parallel()
	text := []byte(strings.ReplaceAll(string(mapOf(t, naming.Timm)), ": blocks.{i}.norm1", ": layer_{i:02}.first_norm"))
	own, err := naming.ParseMap("own.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	stated, err := naming.ParseMap("own.yaml", []byte(strings.Replace(string(text), "epsilon: 1e-06", "epsilon: 1e-12", 1)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x.pth", "x.safetensors", "x.pdparams"} {
		path := filepath.Join(t.TempDir(), name)
		report, err := convert.Convert(t.Context(), digitsUnilm, path, convert.Options{SaveOptions: convert.SaveOptions{ToMap: own, Prove: true}})
		if err != nil {
			t.Fatal(err)
		}
		if !report.Saved.Proved || report.Saved.Scheme != "map:timm" || !slices.ContainsFunc(report.Notes, func(n string) bool { return strings.Contains(n, "the map own.yaml, by which alone") }) {
			t.Errorf("%+v, %q", report.Saved, report.Notes)
		}
		for _, c := range []struct {
			by      *naming.Scheme
			epsilon float64
			from    card.Origin
		}{{own, arch.Epsilon, card.Map}, {stated, arch.EpsilonHF, card.Map}} {
			model, err := convert.Open(t.Context(), path, convert.OpenOptions{Map: c.by})
			if err != nil {
				t.Fatal(err)
			}
			if name == "x.safetensors" { // which says itself what it is
				c.epsilon, c.from = arch.Epsilon, card.Metadata
			}
			if model.Config.Epsilon != c.epsilon || model.From[card.Epsilon] != c.from && name != "x.safetensors" {
				t.Errorf("%s: epsilon %g from %s", name, model.Config.Epsilon, model.From[card.Epsilon])
			}
			model.Close()
		}
		difference, err := convert.Diff(t.Context(), path, digitsUnilm, convert.OpenOptions{Map: own, MayNotFit: true}, convert.OpenOptions{Map: own, MayNotFit: true})
		if err != nil || !difference.Equal {
			t.Errorf("%s: %v", name, err)
		}
	}
	var unused *convert.MapUnusedError
	if _, err := convert.Diff(t.Context(), digitsUnilm, digitsUnilm, convert.OpenOptions{Map: own, MayNotFit: true}, convert.OpenOptions{Map: own, MayNotFit: true}); !errors.As(err, &unused) {
		t.Errorf("a map that fits neither file, though it has most of their names: %v", err)
	}
	// a bare file states the epsilon if the map states another
	bare := filepath.Join(t.TempDir(), "x.safetensors")
	if _, err := convert.Convert(t.Context(), digitsUnilm, bare, convert.Options{SaveOptions: convert.SaveOptions{ToMap: stated, Bare: true}}); err != nil {
		t.Fatal(err)
	}
	model, err := convert.Open(t.Context(), bare, convert.OpenOptions{Map: stated})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if model.Config.Epsilon != arch.Epsilon || model.From[card.Epsilon] != card.Metadata {
		t.Errorf("a bare file has epsilon %g from %s", model.Config.Epsilon, model.From[card.Epsilon])
	}
	// what is lost without the map's epsilon
	report, err := convert.Convert(t.Context(), digitsUnilm, filepath.Join(t.TempDir(), "x.pth"), convert.Options{SaveOptions: convert.SaveOptions{ToMap: stated}})
	if err != nil || !slices.ContainsFunc(report.Saved.Lost, func(l convert.Loss) bool { return l.Item == card.Epsilon && l.Instead == "1e-12" }) {
		t.Errorf("lost %v, %v", report.Saved.Lost, err)
	}
}

func mapOf(t *testing.T, scheme string) []byte {
	t.Helper()
	s, err := naming.ByName(scheme)
	if err != nil {
		t.Fatal(err)
	}
	return s.Map()
}

// The way from a masked model to timm works whether or not a config.json says that it has a mask token; what is needed and was left out is said to be so.
func TestDrop_MaskToken(t *testing.T) {
	t.Parallel()
	const masked = "../testdata/mim/tiny_mim_p16_64.unilm.pth"
	folder := filepath.Join(t.TempDir(), "hf") + string(filepath.Separator)
	if _, err := convert.Convert(t.Context(), masked, folder, convert.Options{SaveOptions: convert.SaveOptions{To: naming.HF}}); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{masked, folder} {
		model, err := convert.Open(t.Context(), source, convert.OpenOptions{Drop: []string{"*mask_token"}})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		if !model.Config.Masked() || model.Config.MaskToken {
			t.Errorf("%s: %+v", source, model.Config)
		}
	}
	var needed *convert.DropError
	_, err := convert.Open(t.Context(), folder, convert.OpenOptions{Drop: []string{"*mask_token", "*layer.0.layernorm_before.*"}})
	if !errors.As(err, &needed) || len(needed.Needed) != 2 || needed.Pattern != "*layer.0.layernorm_before.*" {
		t.Error(err)
	}
}

// A classifier masks nothing, so a trained mask token in its file is lost, which is said, refused under a proof, and no part of a comparison. One of zeros is
// what transformers makes of a new model, and no loss.
func TestConvert_MaskTokenOfClassifier(t *testing.T) {
	t.Parallel()
	for lost, values := range map[bool][]float32{true: {0, 0.5}, false: {0, 0}} {
		model := mustOpen(t, digitsUnilm)
		raw := make([]byte, 4*model.Config.EmbedDim)
		for i, value := range values {
			set(raw, i, value)
		}
		view := tensor.View{DType: tensor.F32, Shape: tensor.Shape{1, 1, model.Config.EmbedDim}, Data: tensor.Memory(raw)}
		source, target := digitsWith(t, tensor.Named{Name: "mask_token", View: view}), filepath.Join(t.TempDir(), "x.pth")
		options := convert.Options{SaveOptions: convert.SaveOptions{Prove: true, NoSync: true}}
		_, err := convert.Convert(t.Context(), source, target, options)
		if refused := (*convert.LossyStepsError)(nil); errors.As(err, &refused) != lost || lost && !slices.Equal(refused.Names(), []string{"mask-token"}) {
			t.Errorf("lost: %t; with a proof: %v", lost, err)
		}
		options.AllowLossy = []string{"mask-token"}
		report := mustConvert(t, source, target, options)
		named := slices.ContainsFunc(report.Notes, func(note string) bool { return strings.HasPrefix(note, `"mask_token" was left out, and is not zero`) })
		if named != lost || len(report.Lossy) > 0 != lost {
			t.Errorf("lost: %t; notes %q, lossy %q", lost, report.Notes, report.Lossy)
		}
		found, err := convert.Diff(t.Context(), source, target, convert.OpenOptions{}, convert.OpenOptions{})
		if err != nil || !found.Equal || len(found.LeftOutA) != 1 || found.LeftOutA[0].Name != "mask_token" || len(found.LeftOutB) > 0 {
			t.Errorf("%v; left out %v and %v", err, found.LeftOutA, found.LeftOutB)
		}
	}
}

// The branch of the class token is said to be kept where it is, and where it was left out, by whatever flag, nothing says so.
func TestDrop_BranchIsNotKept(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"unilm_v2.pth", "openmmlab_v2.pth"} {
		for name, c := range map[string]struct {
			kept    bool
			options convert.Options
		}{
			"as it is":   {true, convert.Options{}},
			"dropped":    {false, convert.Options{OpenOptions: convert.OpenOptions{Drop: []string{convert.ClassBranch}}}},
			"classifier": {false, convert.Options{Adapt: adapt.Options{Classes: 3}}},
		} {
			report := mustConvert(t, testdata+"family/"+file, filepath.Join(t.TempDir(), "x.safetensors"), c.options)
			kept := strings.Contains(strings.Join(report.Notes, "\n"), "of the class token's branch, which BEiT v2 has in pre-training only, are kept")
			if kept != c.kept {
				t.Errorf("%s, %s: %q", file, name, report.Notes)
			}
		}
	}
}
