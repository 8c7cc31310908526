package convert_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

const testdata = "../testdata/"

// checkpoints are files that the frameworks wrote, in every container.
var checkpoints = []string{
	"../manifests/embedded/digits_p16_64.pdparams",
	"digits/digits_p16_64_protocol2.pdparams",
	"digits/digits_p16_64_training.pdparams",
	"digits/digits_p16_64.unilm.pth",
	"digits/digits_p16_64.unilm.legacy.pth",
	"digits/digits_p16_64.deepspeed.pth",
	"digits/digits_p16_64.training.pth",
	"digits/digits_p16_64.timm.pth",
	"digits/digits_p16_64.timm.safetensors",
	"digits/digits_p16_64.f16.pth",
	"digits/digits_p16_64.bf16.pth",
	"digits/digits_p16_64.hf5.statedict.bin",
	"digits/hf",
	"mim/tiny_mim_p16_64.unilm.pth",
	"tiny/tiny_p16_32.passl.pdparams",
	"tokenizer/digits_dvae.encoder.pkl",
	"tokenizer/digits_dvae.decoder.pkl",
	"tokenizer/digits_dvae.passl.encoder.pdparams",
	"tokenizer/digits_dvae.flava",
	"tokenizer/vqkd_p16_64.unilm.pth",
}

var fileEndings = map[string]string{"paddle": ".pdparams", "pytorch": ".pth", "safetensors": ".safetensors"}

func mustConvert(t *testing.T, source, target string, options convert.Options) *convert.Report {
	t.Helper()
	options.NoSync = true
	report, err := convert.Convert(t.Context(), source, target, options)
	if err != nil {
		t.Fatalf("%s to %s: %v", source, target, err)
	}
	return report
}

func to(scheme, format string) convert.Options {
	return convert.Options{SaveOptions: convert.SaveOptions{To: scheme, Format: format, Prove: true}}
}

func digest(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(raw))
}

func mustBeEqual(t *testing.T, a, b string) {
	t.Helper()
	d, err := convert.Diff(t.Context(), a, b, convert.OpenOptions{}, convert.OpenOptions{})
	if err != nil {
		t.Fatalf("%s and %s: %v", a, b, err)
	}
	if !d.Equal || !d.SameValues || d.Parameters == 0 {
		t.Errorf("%s and %s differ: %+v", a, b, d)
	}
}

// schemesFor returns the schemes that have names for a checkpoint: transformers has no class of data2vec-vision with a head for masked patches, and of tokenizers
// each program has its own.
func schemesFor(file string) []string {
	switch {
	case strings.Contains(file, "encoder.p"), strings.Contains(file, "dvae.flava"):
		return []string{naming.Canonical, naming.FLAVA, naming.OpenAI, naming.OpenMMLab, naming.PASSL, naming.Unilm}
	case strings.Contains(file, "decoder.p"):
		return []string{naming.Canonical, naming.OpenAI, naming.PASSL, naming.Unilm}
	case strings.Contains(file, "vqkd"):
		return []string{naming.Canonical, naming.Unilm}
	}
	return slices.DeleteFunc(naming.NamesFor(arch.Transformer), func(scheme string) bool { return scheme == naming.Data2Vec && strings.HasPrefix(file, "mim/") })
}

// Any checkpoint into any scheme and format.
func TestAnyToAny(t *testing.T) {
	t.Parallel()
	for _, file := range checkpoints {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for _, scheme := range schemesFor(file) {
				for format, ending := range fileEndings {
					target := filepath.Join(folder, scheme+ending)
					report := mustConvert(t, testdata+file, target, to(scheme, format))
					if !report.Saved.Proved || report.Saved.Scheme != scheme || report.Saved.Format != format || len(report.Lossy) > 0 {
						t.Errorf("%+v", report)
					}
					mustBeEqual(t, testdata+file, target)
				}
			}
		})
	}
}

// Converting there and back makes the same bytes, and so does the same conversion twice.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../manifests/embedded/digits_p16_64.pdparams", "digits/digits_p16_64.bf16.pth", "digits/hf", "mim/tiny_mim_p16_64.unilm.pth", "tokenizer/digits_dvae.flava", "tokenizer/vqkd_p16_64.unilm.pth"} {
		for _, scheme := range schemesFor(file) {
			t.Run(file+" "+scheme, func(t *testing.T) {
				t.Parallel()
				for format, ending := range fileEndings {
					folder := t.TempDir()
					first, second := filepath.Join(folder, "first"+ending), filepath.Join(folder, "second"+ending)
					report := mustConvert(t, testdata+file, first, to(scheme, format))
					mustConvert(t, testdata+file, second, to(scheme, format))
					if digest(t, first) != digest(t, second) {
						t.Error("converting twice makes different bytes")
					}
					back, again := filepath.Join(folder, "back"+fileEndings[report.Input.Format]), filepath.Join(folder, "again"+ending)
					mustConvert(t, first, back, to(report.Input.Scheme, report.Input.Format))
					mustBeEqual(t, testdata+file, back)
					mustConvert(t, back, again, to(scheme, format))
					if report.Architecture.Epsilon == arch.Epsilon && digest(t, first) != digest(t, again) {
						t.Error("there and back makes other bytes")
					}
				}
			})
		}
	}
}

func TestTrainedWeightsAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	for _, file := range checkpoints {
		if strings.HasPrefix(file, "digits/") && !strings.Contains(file, "f16") {
			mustBeEqual(t, testdata+"../manifests/embedded/digits_p16_64.pdparams", testdata+file)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	target := filepath.Join(t.TempDir(), "out.safetensors")
	var mu sync.Mutex
	var done, total int64
	options := to(naming.HF, "")
	options.Progress = func(d, n int64) {
		mu.Lock()
		defer mu.Unlock()
		done, total = max(done, d), n
	}
	report := mustConvert(t, testdata+"../manifests/embedded/digits_p16_64.pdparams", target, options)
	if report.Input.Scheme != naming.PASSL || report.Input.Format != "paddle" || report.Input.Tensors != 58 || report.Input.Bytes != 504172 {
		t.Errorf("source %+v", report.Input)
	}
	if report.Architecture.Name != "digits_p16_64" || len(report.Dropped) != 3 || report.Saved.Tensors != 61 || len(report.Saved.Added) != 0 {
		t.Errorf("architecture %q, %d dropped, %d written, added %v", report.Architecture.Name, len(report.Dropped), report.Saved.Tensors, report.Saved.Added)
	}
	if done != total || total != 4*report.Architecture.Parameters() {
		t.Errorf("progress ended at %d of %d", done, total)
	}
	want := convert.Parameter{
		Name: "blocks.0.attn.qkv.weight", From: []string{"backbone.blocks.0.attn.qkv.weight"}, Read: "transposed", DType: "F32", Shape: tensor.Shape{144, 48},
		To: []string{
			"beit.encoder.layer.0.attention.attention.query.weight",
			"beit.encoder.layer.0.attention.attention.key.weight",
			"beit.encoder.layer.0.attention.attention.value.weight",
		},
	}
	at := slices.IndexFunc(report.Parameters, func(p convert.Parameter) bool { return p.Name == want.Name })
	if diff := cmp.Diff(want, report.Parameters[at]); diff != "" {
		t.Error(diff)
	}
	back := mustConvert(t, target, filepath.Join(t.TempDir(), "back.pdparams"), to(naming.PASSL, ""))
	if len(back.Saved.Added) != 3 || back.Saved.Added[0] != "backbone.blocks.0.attn.relative_position_index" {
		t.Errorf("added %v", back.Saved.Added)
	}
}

func TestHuggingFaceFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "model")
	report := mustConvert(t, testdata+"../manifests/embedded/digits_p16_64.pdparams", folder, convert.Options{SaveOptions: convert.SaveOptions{Prove: true}})
	if report.Saved.Folder != folder || report.Saved.Scheme != naming.HF || report.Saved.Format != "safetensors" {
		t.Errorf("saved %+v", report.Saved)
	}
	var names []string
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{"config.json", "model.safetensors", "preprocessor_config.json"}, names); diff != "" {
		t.Error(diff)
	}
	mustBeEqual(t, folder, testdata+"digits/hf")
	model, err := convert.Open(t.Context(), folder, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	recipe, err := model.Recipe()
	if err != nil {
		t.Fatal(err)
	}
	if model.Config.Epsilon != arch.Epsilon || model.From[card.Epsilon] != card.Config || model.Labels != nil || recipe.Recipe.Interpolation != card.Bicubic {
		t.Errorf("epsilon %g from %s, %d labels, %v", model.Config.Epsilon, model.From[card.Epsilon], len(model.Labels), recipe)
	}
	bin := filepath.Join(t.TempDir(), "bin")
	mustConvert(t, folder, bin+"/", to("", "pytorch"))
	if _, err := os.Stat(filepath.Join(bin, "pytorch_model.bin")); err != nil {
		t.Error(err)
	}
	mustBeEqual(t, folder, bin)
}

// transformers loads an encoder of masked image modelling without its head as a BeitModel whose norm is not the pooler's, and its version 5 refuses a whole
// number where it declares a float.
func TestMaskedEncoderAsFolder(t *testing.T) {
	t.Parallel()
	config := arch.Config{
		ImageHeight: 24, ImageWidth: 24, PatchSize: 8, Channels: 3, EmbedDim: 32, HiddenDim: 128, Depth: 2, Heads: 2,
		Pooling: arch.AllTokens, Bias: arch.SharedBias, MaskToken: true, Epsilon: arch.Epsilon,
	}
	folder := filepath.Join(t.TempDir(), "folder")
	if _, err := convert.Save(t.Context(), folder, config, synth.Weights(config, 1), convert.SaveOptions{Prove: true}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(folder, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"BeitModel"`, `"use_mean_pooling": false`, `"use_mask_token": true`, `"layer_scale_init_value": 0.0`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("config.json does not say %s:\n%s", want, raw)
		}
	}
	model, err := convert.Open(t.Context(), folder, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if diff := cmp.Diff(config, model.Config); diff != "" {
		t.Error(diff)
	}
	names := map[string]bool{}
	for _, named := range model.File.Tensors {
		names[named.Name] = true
	}
	if !names["layernorm.weight"] || names["pooler.layernorm.weight"] {
		t.Errorf("the norm of a BeitModel without mean pooling is layernorm: %v", slices.Sorted(maps.Keys(names)))
	}
}

// A folder of transformers runs with its own epsilon; the output must keep it, or a note must say that it cannot.
func TestEpsilonTravels(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	open := func(path string, options convert.OpenOptions) *convert.Model {
		model, err := convert.Open(t.Context(), path, options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { model.Close() })
		return model
	}
	if got := open(testdata+"digits/hf", convert.OpenOptions{}).Config; got.Epsilon != arch.EpsilonHF || got.Name != "digits_p16_64" {
		t.Errorf("the folder opens with %+v", got)
	}
	if got := open(testdata+"digits/hf/model.safetensors", convert.OpenOptions{}).Config.Epsilon; got != arch.EpsilonHF {
		t.Errorf("the file in it opens with %g", got)
	}
	if got := open(testdata+"digits/hf", convert.OpenOptions{Epsilon: 1e-5}); got.Config.Epsilon != 1e-5 || got.From[card.Epsilon] != "as asked for" {
		t.Errorf("asked for 1e-5, got %g from %s", got.Config.Epsilon, got.From[card.Epsilon])
	}
	timm := filepath.Join(folder, "timm.safetensors")
	mustConvert(t, testdata+"digits/hf", timm, to(naming.Timm, ""))
	if got := open(timm, convert.OpenOptions{}); got.Config.Epsilon != arch.EpsilonHF || got.Scheme != naming.Timm || got.From[card.Epsilon] != "the file's metadata" {
		t.Errorf("in safetensors: %g from %s, scheme %s", got.Config.Epsilon, got.From[card.Epsilon], got.Scheme)
	}
	again := filepath.Join(folder, "again")
	mustConvert(t, timm, again, to(naming.HF, ""))
	if got := open(again, convert.OpenOptions{}).Config.Epsilon; got != arch.EpsilonHF {
		t.Errorf("back in a folder: %g", got)
	}
	report := mustConvert(t, timm, filepath.Join(folder, "lost.pdparams"), convert.Options{})
	if !slices.Contains(report.Saved.Lost, convert.Loss{Item: card.Epsilon, Value: "1e-12", Instead: "1e-06"}) {
		t.Errorf("losing the epsilon is not said: %v", report.Saved.Lost)
	}
	// The frameworks do not read the metadata in which our files state the epsilon.
	for scheme, program := range map[string]string{
		naming.Timm: "timm", naming.Unilm: "unilm", naming.PASSL: "PASSL", naming.PaddleViT: "PaddleViT", naming.HF: "", naming.Canonical: "",
	} {
		report := mustConvert(t, timm, filepath.Join(folder, "noted."+scheme+".safetensors"), to(scheme, ""))
		noted := slices.ContainsFunc(report.Notes, func(note string) bool {
			return strings.Contains(note, "epsilon 1e-12") && strings.Contains(note, program+" does not")
		})
		if noted != (program != "") {
			t.Errorf("%s: notes %q", scheme, report.Notes)
		}
	}
}

func TestCast(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	source := testdata + "digits/digits_p16_64.unilm.pth"
	for _, c := range []struct {
		dtype tensor.DType
		file  string // what torch made of the same weights
	}{{tensor.F16, "digits/digits_p16_64.f16.pth"}, {tensor.BF16, "digits/digits_p16_64.bf16.pth"}} {
		target := filepath.Join(folder, c.dtype.String()+".pth")
		options := to(naming.Unilm, "")
		options.DType = c.dtype
		report := mustConvert(t, source, target, options)
		if len(report.Lossy) == 0 || report.Parameters[0].Cast != c.dtype.String() {
			t.Errorf("%s: lossy %q, cast %q", c.dtype, report.Lossy, report.Parameters[0].Cast)
		}
		mustBeEqual(t, target, testdata+c.file)
		wide := filepath.Join(folder, c.dtype.String()+"-wide.pth")
		options.DType = tensor.F32
		if report.Steps[0].Name != adapt.StepCast || report.Steps[0].What != fmt.Sprintf("%d parameters were rounded from F32 to %s", len(report.Parameters), c.dtype) {
			t.Errorf("%s: steps %v", c.dtype, report.Steps)
		}
		if report := mustConvert(t, target, wide, options); len(report.Lossy) > 0 {
			t.Errorf("widening is called lossy: %q", report.Lossy)
		}
		d, err := convert.Diff(t.Context(), target, wide, convert.OpenOptions{}, convert.OpenOptions{})
		if err != nil || d.Equal || !d.SameValues || len(d.Tensors) != d.Parameters {
			t.Errorf("%s and its widened self: %+v, %v", c.dtype, d, err)
		}
		d, err = convert.Diff(t.Context(), source, target, convert.OpenOptions{}, convert.OpenOptions{})
		if err != nil || d.SameValues || d.Tensors[0].MaxAbs == 0 || d.Tensors[0].DTypeB != c.dtype.String() {
			t.Errorf("float32 and %s: %+v, %v", c.dtype, d, err)
		}
	}
}

func TestHalvesWarnOfFaintLayerScale(t *testing.T) {
	t.Parallel()
	config, _ := arch.ByName("tiny_p16_32")
	weights := synth.Weights(config, 0)
	at := slices.IndexFunc(weights, func(n tensor.Named) bool { return n.Name == "blocks.1.gamma_2" })
	faint := make([]byte, 4*32)
	copy(faint, []byte{0xac, 0xc5, 0x27, 0x37}) // 1e-5
	weights[at].Data = tensor.Memory(faint)
	source := filepath.Join(t.TempDir(), "faint.safetensors")
	if _, err := convert.Save(t.Context(), source, config, weights, convert.SaveOptions{To: naming.Timm, NoSync: true}); err != nil {
		t.Fatal(err)
	}
	options := to(naming.Timm, "")
	options.DType = tensor.F16
	report := mustConvert(t, source, filepath.Join(t.TempDir(), "half.safetensors"), options)
	if !slices.ContainsFunc(report.Lossy, func(text string) bool { return strings.Contains(text, "blocks.1.gamma_2") }) {
		t.Errorf("lossy %q", report.Lossy)
	}
}

func TestCast_CountsLostValues(t *testing.T) {
	t.Parallel()
	source := saved(t, "tiny_p16_32", naming.PASSL, ".pdparams", func(raws map[string][]byte) {
		set(raws["blocks.0.mlp.fc1.weight"], 7, 1e5)
		set(raws["blocks.0.mlp.fc1.weight"], 8, -7e4)
		set(raws["blocks.1.attn.qkv.weight"], 3, 1e6)
		set(raws["head.bias"], 0, 1e-12)
		set(raws["blocks.1.attn.proj.weight"], 5, float32(math.NaN()))
	})
	target := filepath.Join(t.TempDir(), "half.safetensors")
	options := to(naming.Timm, "")
	options.DType = tensor.F16
	options.Prove = false
	report, err := convert.Convert(t.Context(), source, target, options)
	if err != nil {
		t.Fatal(err)
	}
	lost := map[string]transform.Losses{}
	for _, p := range report.Parameters {
		if p.Lost != nil && p.Lost.Lost() > 0 {
			lost[p.Name] = transform.Losses{Infinite: p.Lost.Infinite, Zero: p.Lost.Zero, NaN: p.Lost.NaN}
		}
	}
	want := map[string]transform.Losses{"blocks.0.mlp.fc1.weight": {Infinite: 2}, "blocks.1.attn.qkv.weight": {Infinite: 1}, "head.bias": {Zero: 1}}
	if diff := cmp.Diff(want, lost); diff != "" {
		t.Errorf("lost (-want +got):\n%s", diff)
	}
	for _, sentence := range []string{
		"3 values become infinite in F16: blocks.0.mlp.fc1.weight (2), blocks.1.attn.qkv.weight (1)", "1 value becomes zero in F16: head.bias (1)",
	} {
		if !slices.Contains(report.Lossy, sentence) {
			t.Errorf("%q lacks %q", report.Lossy, sentence)
		}
	}
	stats, err := convert.Inspect(t.Context(), target, convert.InspectOptions{Statistics: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range stats.Tensors {
		if found.Statistics.Inf != want[found.Name].Infinite {
			t.Errorf("%s has %d infinite values in the file", found.Name, found.Statistics.Inf)
		}
	}

	// Whoever wants a proof has to allow such values.
	options.Prove = true
	proved := filepath.Join(t.TempDir(), "proved.safetensors")
	for _, dryRun := range []bool{false, true} {
		options.DryRun = dryRun
		var values *convert.LostValuesError
		if _, err := convert.Convert(t.Context(), source, proved, options); !errors.As(err, &values) || len(values.Parameters) != 3 || values.Hint() == "" {
			t.Errorf("the proof of lost values: %v", err)
		}
	}
	if _, err := os.Stat(proved); err == nil {
		t.Error("a file that is not proved was written")
	}
	options.DryRun, options.AllowLostValues = false, true
	if report := mustConvert(t, source, proved, options); !report.Saved.Proved {
		t.Error("allowed, and not proved")
	}
	// What was lost is in the record of the file.
	kept, err := convert.Open(t.Context(), proved, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if last := kept.Steps[len(kept.Steps)-1]; !last.Lossy || !strings.Contains(last.What, " infinite in F16: ") {
		t.Errorf("recorded: %+v", last)
	}
	options.AllowLostValues, options.DType = false, tensor.BF16
	mustConvert(t, source, proved, options)
}

// filesIn lists everything below a folder.
func filesIn(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	good := testdata + "../manifests/embedded/digits_p16_64.pdparams"
	raw, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	sources := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(sources, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	canceled, cancel := context.WithCancelCause(context.Background())
	cancel(errStopped)
	large, _ := arch.ByName("beit_base_p16_224")
	mask := testdata + "mim/tiny_mim_p16_64.unilm.pth"
	for _, c := range []struct {
		name, source string
		ctx          context.Context
		options      convert.Options
		want         error
		target       any
	}{
		{"truncated", file("cut.pdparams", raw[:len(raw)/2]), t.Context(), convert.Options{}, checkpoint.ErrMalformed, nil},
		{"text", file("notes.pth", []byte("these are my notes\n")), t.Context(), convert.Options{}, checkpoint.ErrFormat, nil},
		{"optimizer", testdata + "digits/digits_p16_64.pdopt", t.Context(), convert.Options{}, checkpoint.ErrNoModel, nil},
		{"absent", filepath.Join(sources, "absent"), t.Context(), convert.Options{}, fs.ErrNotExist, nil},
		{"stopped", good, canceled, convert.Options{}, errStopped, nil},
		{"wrong architecture", good, t.Context(), convert.Options{OpenOptions: convert.OpenOptions{Arch: &large}}, nil, new(*naming.MismatchError)},
		{"masked as classifier", mask, t.Context(), convert.Options{OpenOptions: convert.OpenOptions{Arch: &large}}, nil, new(*naming.MaskedModelError)},
		{"wrong scheme", good, t.Context(), convert.Options{OpenOptions: convert.OpenOptions{From: naming.HF}}, nil, new(*naming.NotBEiTError)},
		{"unknown scheme", good, t.Context(), convert.Options{SaveOptions: convert.SaveOptions{To: "tim"}}, nil, new(*naming.UnknownSchemeError)},
		{"unknown format", good, t.Context(), convert.Options{SaveOptions: convert.SaveOptions{Format: "onnx"}}, nil, new(*convert.TargetError)},
		{"cast to integers", good, t.Context(), convert.Options{DType: tensor.I64}, nil, new(*convert.TargetError)},
		{"wrong wrapper", good, t.Context(), convert.Options{SaveOptions: convert.SaveOptions{To: naming.PASSL, Wrapper: "X"}}, nil, new(*naming.WrapperError)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, name := range []string{"new.safetensors", "folder", "old.safetensors"} {
				folder := t.TempDir()
				target := filepath.Join(folder, name)
				if name == "old.safetensors" {
					os.WriteFile(target, []byte("old"), 0o600)
				}
				before := filesIn(t, folder)
				options := c.options
				if name == "folder" && options.To == "" {
					options.To = naming.HF
				}
				if name == "folder" && c.name == "unknown format" {
					continue // the format decides whether it is a folder
				}
				_, err := convert.Convert(c.ctx, c.source, target, options)
				if c.want != nil && !errors.Is(err, c.want) || c.target != nil && !errors.As(err, c.target) || err == nil {
					t.Errorf("%s: got %T %v", name, err, err)
				}
				if diff := cmp.Diff(before, filesIn(t, folder)); diff != "" {
					t.Errorf("%s: files were left: %s", name, diff)
				}
				if old, _ := os.ReadFile(target); name == "old.safetensors" && string(old) != "old" {
					t.Error("the old output was touched")
				}
			}
		})
	}
}

var errStopped = errors.New("stopped by the test")

func TestOutputThatIsItsInput(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	raw, err := os.ReadFile(testdata + "digits/digits_p16_64.timm.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(folder, "model.safetensors")
	os.WriteFile(source, raw, 0o600)
	soft, hard := filepath.Join(folder, "soft.safetensors"), filepath.Join(folder, "hard.safetensors")
	if err := os.Symlink(source, soft); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(source, hard); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ source, target string }{
		{source, source}, {source, soft}, {soft, source}, {source, hard}, {source, folder + "/./model.safetensors"}, {source, folder}, {folder, folder},
	} {
		options := convert.Options{}
		if c.target == folder {
			options.To = naming.HF
		}
		_, err := convert.Convert(t.Context(), c.source, c.target, options)
		var same *convert.SameFileError
		if !errors.As(err, &same) || same.Hint() == "" {
			t.Errorf("%s to %s: got %v", c.source, c.target, err)
			continue
		}
		if ofFolder := same.Hint() == "write to another folder"; ofFolder != (c.target == folder) {
			t.Errorf("%s to %s: the hint is %q", c.source, c.target, same.Hint())
		}
	}
	if now, _ := os.ReadFile(source); !slices.Equal(now, raw) {
		t.Error("the input was changed")
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, target := range []string{"x.safetensors", "model"} {
		options := to(naming.HF, "")
		options.DryRun = true
		report := mustConvert(t, testdata+"../manifests/embedded/digits_p16_64.pdparams", filepath.Join(folder, target), options)
		if !report.DryRun || report.Saved.Bytes == 0 || len(report.Parameters[3].To) == 0 {
			t.Errorf("%+v", report.Saved)
		}
	}
	if left := filesIn(t, folder); len(left) != 1 {
		t.Errorf("left %v", left)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	source := testdata + "tiny/tiny_p16_32.passl.pdparams"
	for _, c := range []struct{ target, to, format, wantFormat, wantScheme, wantFile string }{
		{"a.pdparams", "", "", "paddle", naming.PASSL, "a.pdparams"},
		{"a.pth", "", "", "pytorch", naming.Unilm, "a.pth"},
		{"a.bin", "", "", "pytorch", naming.HF, "a.bin"},
		{"A.SAFETENSORS", "", "", "safetensors", naming.Canonical, "A.SAFETENSORS"},
		{"a.pth", naming.Timm, "", "pytorch", naming.Timm, "a.pth"},
		{"b.pth", "", "safetensors", "safetensors", naming.Unilm, "b.pth"},
		{"c", naming.Timm, "", "safetensors", naming.Timm, "c"},
		{"d", "", "paddle", "paddle", naming.PASSL, "d"},
		{"d.x", naming.PaddleViT, "", "paddle", naming.PaddleViT, "d.x"},
		{"e", naming.HF, "", "safetensors", naming.HF, "e/model.safetensors"},
		{"f", "", "", "safetensors", naming.HF, "f/model.safetensors"},
		{"g", naming.HF, "pytorch", "pytorch", naming.HF, "g/pytorch_model.bin"},
		{"h", naming.HF, "paddle", "paddle", naming.HF, "h"},
	} {
		report := mustConvert(t, source, filepath.Join(folder, c.target), to(c.to, c.format))
		got := []string{report.Saved.Format, report.Saved.Scheme, report.Saved.Path}
		want := []string{c.wantFormat, c.wantScheme, filepath.Join(folder, c.wantFile)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v: %s", c, diff)
		}
		mustBeEqual(t, source, filepath.Join(folder, c.wantFile))
	}
	for _, c := range []struct{ target, to, format string }{
		{"", naming.HF, ""}, {filepath.Join(folder, "x.y"), "", ""}, {folder, naming.Unilm, ""}, {folder + "/new/", "", "paddle"},
	} {
		var problem *convert.TargetError
		if _, err := convert.Convert(t.Context(), source, c.target, to(c.to, c.format)); !errors.As(err, &problem) || problem.Hint() == "" {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

// TestConvert_ToWhatIsNotAFile converts to paths at which there is something that must not be replaced.
func TestConvert_ToWhatIsNotAFile(t *testing.T) {
	t.Parallel()
	source := testdata + "tiny/tiny_p16_32.passl.pdparams"
	var device *output.NotFileError
	if _, err := convert.Convert(t.Context(), source, os.DevNull, convert.Options{}); !errors.As(err, &device) || !errors.Is(err, errdef.ErrUsage) {
		t.Errorf("a device: %v", err)
	}
	file := filepath.Join(t.TempDir(), "weights")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := convert.Convert(t.Context(), source, file, convert.Options{}); !errors.Is(err, errdef.ErrUsage) {
		t.Errorf("a file whose name has no ending: %v", err)
	}
	mustConvert(t, source, file, to("", "paddle"))
}

func TestProveFindsOneBit(t *testing.T) {
	t.Parallel()
	config, _ := arch.ByName("tiny_p16_32")
	weights := synth.Weights(config, 0)
	for _, scheme := range schemesFor("") {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		if _, err := convert.Save(t.Context(), path, config, weights, convert.SaveOptions{To: scheme, Format: "safetensors", NoSync: true, Prove: true}); err != nil {
			t.Fatal(err)
		}
		changed := slices.Clone(weights)
		at := slices.IndexFunc(changed, func(n tensor.Named) bool { return n.Name == "blocks.1.attn.proj.weight" })
		raw, _ := changed[at].Bytes()
		raw[4*37+1] ^= 1
		changed[at].Data = tensor.Memory(raw)
		err := convert.Prove(t.Context(), path, scheme, config, changed)
		var proof *convert.ProofError
		if !errors.As(err, &proof) || proof.Tensor != changed[at].Name || proof.Element != 37 {
			t.Errorf("%s: got %v", scheme, err)
		}
		if err := convert.Prove(t.Context(), path, scheme, config, weights[1:]); !errors.As(err, &proof) {
			t.Errorf("%s: one fewer: %v", scheme, err)
		}
	}
}

// unequal is Data that delivers other bytes each time, as failing memory would.
type unequal struct{ raw []byte }

func (u unequal) Bytes() ([]byte, error) {
	u.raw[0]++
	return slices.Clone(u.raw), nil
}

func (u unequal) WriteTo(w io.Writer) (int64, error) {
	raw, _ := u.Bytes()
	return tensor.Memory(raw).WriteTo(w)
}

func TestSaveThatCannotBeProvedLeavesNothing(t *testing.T) {
	t.Parallel()
	config, _ := arch.ByName("tiny_p16_32")
	weights := synth.Weights(config, 0)
	at := slices.IndexFunc(weights, func(n tensor.Named) bool { return n.Name == "head.weight" })
	raw, _ := weights[at].Bytes()
	weights[at].Data = unequal{raw}
	for _, target := range []string{"model.pdparams", "folder"} {
		folder := t.TempDir()
		_, err := convert.Save(t.Context(), filepath.Join(folder, target), config, weights, convert.SaveOptions{Prove: true})
		var proof *convert.ProofError
		if !errors.As(err, &proof) || proof.Tensor != "head.weight" {
			t.Errorf("%s: got %v", target, err)
		}
		if left := filesIn(t, folder); len(left) != 1 {
			t.Errorf("%s: left %v", target, left)
		}
	}
}

// The image processors of transformers round crops in their own way: a recipe of timm's kind becomes another one in a folder, which is said.
func TestRoundingOfCropsIsNoted(t *testing.T) {
	t.Parallel()
	recipe := card.Recipe{Resize: card.ShorterEdge, ResizeTo: 71, Crop: 64, Interpolation: card.Bicubic, Std: [3]float64{1, 1, 1}}
	for rounding, want := range map[card.Rounding]int{card.HalfEven: 1, card.Down: 0} {
		recipe.Rounding = rounding
		options := to(naming.HF, "")
		options.Recipe = &recipe
		report := mustConvert(t, testdata+"digits/digits_p16_64.unilm.pth", filepath.Join(t.TempDir(), "folder"), options)
		if len(report.Saved.Lost) != want || want > 0 && report.Saved.Lost[0].Item != card.Preparing {
			t.Errorf("rounding %q: lost %v", rounding, report.Saved.Lost)
		}
	}
}
