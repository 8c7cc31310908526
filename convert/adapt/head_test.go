package adapt

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// masked is a masked-image model with eight visual tokens.
func masked() arch.Config {
	c := square(4)
	c.Classes, c.Pooling, c.Bias, c.MaskToken = 8, arch.AllTokens, arch.SharedBias, true
	return c
}

func apply(t *testing.T, c card.Card, o Options) (*Result, map[string][]float64) {
	t.Helper()
	result, err := Apply(c, synth.Weights(c.Config, 5), o)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float64{}
	for _, n := range result.Tensors {
		if values[n.Name], err = tensor.Float64s(n.View); err != nil {
			t.Fatal(err)
		}
	}
	return result, values
}

func steps(r *Result) (names []string, lossy []bool) {
	for _, s := range r.Steps {
		names, lossy = append(names, s.Name), append(lossy, s.Lossy)
	}
	return names, lossy
}

func TestApply_MaskedModelBecomesClassifier(t *testing.T) {
	t.Parallel()
	before := map[string][]float64{}
	for _, n := range synth.Weights(masked(), 5) {
		values, err := tensor.Float64s(n.View)
		if err != nil {
			t.Fatal(err)
		}
		before[n.Name] = values
	}
	for _, c := range []struct {
		norm Norm
		want func(name string) []float64
	}{
		{"", func(name string) []float64 {
			return map[string][]float64{"fc_norm.weight": {1, 1, 1, 1, 1, 1, 1, 1}, "fc_norm.bias": make([]float64, 8)}[name]
		}},
		{PretrainedNorm, func(name string) []float64 { return before[name[len("fc_"):]] }},
	} {
		result, values := apply(t, card.Card{Config: masked()}, Options{Classes: 5, PerBlockBias: true, Norm: c.norm})
		for _, name := range []string{"fc_norm.weight", "fc_norm.bias"} {
			if !slices.Equal(values[name], c.want(name)) {
				t.Errorf("norm %q: %s is %v", c.norm, name, values[name])
			}
		}
		if !slices.Equal(values["blocks.0.attn."+tableSuffix], before["rel_pos_bias."+tableSuffix]) {
			t.Error("the table of the block is not the shared one")
		}
		names, lossy := steps(result)
		if !slices.Equal(names, []string{StepBias, StepMaskToken, StepNorm, StepHead}) || !slices.Equal(lossy, []bool{false, true, c.norm == "", true}) {
			t.Errorf("steps %v, lossy %v", names, lossy)
		}
		config := result.Card.Config
		if config.MaskToken || config.Pooling != arch.MeanPooling || config.Classes != 5 || config.Bias != arch.BlockBias {
			t.Errorf("the architecture is %+v", config)
		}
		if len(values["head.weight"]) != 40 || !slices.Equal(values["head.bias"], make([]float64, 5)) {
			t.Errorf("the head is %v, %v", values["head.weight"], values["head.bias"])
		}
	}
}

// unilm draws the weights of a head from a normal distribution with a standard deviation of 0.02, and multiplies them by 0.001.
func TestApply_SeededHeadIsSmall(t *testing.T) {
	t.Parallel()
	config := square(3)
	config.EmbedDim, config.HiddenDim = 256, 8
	_, values := apply(t, card.Card{Config: config}, Options{Classes: 1000, Seed: 3})
	var sum, squares, fourth float64
	weights := values["head.weight"]
	for _, x := range weights {
		sum += x
		squares += x * x
		fourth += x * x * x * x
	}
	n := float64(len(weights))
	deviation := math.Sqrt(squares / n)
	if math.Abs(deviation/2e-5-1) > 0.01 || math.Abs(sum/n) > 1e-7 || math.Abs(fourth/n/math.Pow(deviation, 4)-3) > 0.05 {
		t.Errorf("mean %g, standard deviation %g, kurtosis %g", sum/n, deviation, fourth/n/math.Pow(deviation, 4))
	}
	_, same := apply(t, card.Card{Config: config}, Options{Classes: 1000, Seed: 3, Head: SeededHead})
	_, other := apply(t, card.Card{Config: config}, Options{Classes: 1000, Seed: 4})
	if !slices.Equal(same["head.weight"], weights) || slices.Equal(other["head.weight"], weights) {
		t.Error("the head does not follow from the seed")
	}
}

func TestApply_RowsOfHead(t *testing.T) {
	t.Parallel()
	c := card.Card{Config: square(3), Facts: card.Facts{Labels: []string{"cat", "dog", "owl"}, Problem: card.MultiLabel}}
	before := synth.Weights(c.Config, 5)
	var old []float64
	for _, n := range before {
		if n.Name == "head.weight" {
			var err error
			if old, err = tensor.Float64s(n.View); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, rows := range [][]string{{"owl", "cat"}, {"2", "0"}} {
		result, values := apply(t, c, Options{Rows: rows})
		if want := slices.Concat(old[16:24], old[:8]); !slices.Equal(values["head.weight"], want) || len(values["head.bias"]) != 2 {
			t.Errorf("rows %q: the head is %v instead of %v", rows, values["head.weight"], want)
		}
		if got := result.Card; !slices.Equal(got.Labels, []string{"owl", "cat"}) || got.Config.Classes != 2 || got.Problem != card.MultiLabel {
			t.Errorf("rows %q: labels %q, %d classes, %s", rows, got.Labels, got.Config.Classes, got.Problem)
		}
	}
	for _, wrong := range []struct {
		rows  []string
		lines []int
	}{
		{[]string{"0", "3", "1"}, []int{2}},
		{[]string{"cow", "dog", "1"}, []int{1, 3}},
		{[]string{"99999999999999999999"}, []int{1}},
	} {
		_, err := Apply(c, before, Options{Rows: wrong.rows})
		var rows *RowsError
		if !errors.As(err, &rows) || !errors.Is(err, errdef.ErrInput) || len(rows.Problems) != len(wrong.lines) {
			t.Errorf("rows %q: %v", wrong.rows, err)
			continue
		}
		for i, p := range rows.Problems {
			if p.Line != wrong.lines[i] {
				t.Errorf("rows %q: %v", wrong.rows, err)
			}
		}
	}
	c.Labels = []string{"1", "2", "3"}
	if _, err := Apply(c, before, Options{Rows: []string{"1"}}); !errors.As(err, new(*RowsError)) {
		t.Errorf("a row that is an index and the name of another class: %v", err)
	}
	c.Labels = []string{"0", "1", "2"}
	if _, err := Apply(c, before, Options{Rows: []string{"1"}}); err != nil {
		t.Errorf("a row that is an index and the name of the same class: %v", err)
	}
}

func TestApply_HeadOfSameSizeStays(t *testing.T) {
	t.Parallel()
	c := card.Card{Config: square(3), Facts: card.Facts{Labels: []string{"cat", "dog", "owl"}}}
	result, _ := apply(t, c, Options{Classes: 3})
	if len(result.Steps) != 0 || len(result.Notes) != 1 || result.Card.Labels == nil {
		t.Errorf("steps %v, notes %q, labels %q", result.Steps, result.Notes, result.Card.Labels)
	}
	result, values := apply(t, c, Options{Classes: 3, Head: ZeroHead})
	if len(result.Steps) != 1 || result.Card.Labels != nil || !slices.Equal(values["head.weight"], make([]float64, 24)) {
		t.Errorf("steps %v, labels %q, head %v", result.Steps, result.Card.Labels, values["head.weight"])
	}
}

// Notes that a model has to be trained are left out where training follows, and nothing else changes.
func TestApply_Trained(t *testing.T) {
	t.Parallel()
	c := card.Card{Config: square(3)}
	options := Options{Classes: 2, ImageHeight: 64, ImageWidth: 64}
	alone, values := apply(t, c, options)
	options.Trained = true
	trained, same := apply(t, c, options)
	if len(alone.Notes) != 2 || len(trained.Notes) != 0 || !reflect.DeepEqual(alone.Steps, trained.Steps) || !reflect.DeepEqual(values, same) {
		t.Errorf("notes %q, and where training follows %q", alone.Notes, trained.Notes)
	}
}

// Heads that predict features of a teacher, and the branch that BEiT v2 pre-trains the class token with, are left out, too.
func TestApply_PretrainingIsLeftOut(t *testing.T) {
	t.Parallel()
	for _, options := range []Options{{Classes: 2, PerBlockBias: true}, {Classes: 2}, {Headless: true}, {Headless: true, PerBlockBias: true}, {PerBlockBias: true}} {
		config := masked()
		config.ClassBlocks, config.ClassHead, config.Regression = 2, true, true
		result, values := apply(t, card.Card{Config: config}, options)
		names, _ := steps(result)
		left := values["cls_pt_layers.0.norm1.weight"] == nil
		if want := options.Classes != 0 || options.Headless; left != want || want != slices.Contains(names, StepClassBranch) || result.Card.Config.Regression == want {
			t.Errorf("%+v: steps %v, %+v", options, names, result.Card.Config)
		}
	}
	features := square(3)
	features.Pooling, features.Classes = arch.NoPooling, 0
	result, values := apply(t, card.Card{Config: features}, Options{Classes: 2})
	if names, lossy := steps(result); !slices.Equal(names, []string{StepNorm, StepHead}) || slices.Contains(lossy, true) || values["fc_norm.weight"][0] != 1 {
		t.Errorf("features: steps %v, lossy %v", names, lossy)
	}
	if _, err := Apply(card.Card{Config: features}, synth.Weights(features, 0), Options{Classes: 2, Norm: PretrainedNorm}); !errors.As(err, new(*OptionsError)) {
		t.Errorf("features have no norm: %v", err)
	}
}

// A masked model that has no mask token is, without its head, one of the class token.
func TestApply_HeadlessWithoutMaskToken(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_mim_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	config.MaskToken = false
	result, err := Apply(card.Card{Config: config}, synth.Weights(config, 1), Options{Headless: true})
	if err != nil || result.Card.Config.Pooling != arch.ClassToken || result.Card.Config.Classes != 0 || len(result.Notes) != 1 {
		t.Errorf("%v", err)
	}
}

// What is said of rows: whether labels go with them, and how many are copies.
func TestApply_RowsAreCounted(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	labels := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	for _, c := range []struct {
		labels, rows []string
		want         string
	}{
		{nil, []string{"3", "1"}, "the head has 2 of the 10 rows that it had: rows 3, 1"},
		{labels, []string{"c", "a"}, "the head has 2 of the 10 rows that it had, and their labels: rows 2, 0"},
		{nil, []string{"3", "3", "1"}, "the head has 3 rows, copies of 2 of the 10 that it had: rows 3, 3, 1"},
	} {
		result, err := Apply(card.Card{Config: config, Facts: card.Facts{Labels: c.labels}}, synth.Weights(config, 1), Options{Rows: c.rows})
		if err != nil || len(result.Steps) != 1 || result.Steps[0].What != c.want {
			t.Errorf("%q: %v", c.want, err)
		}
		if err == nil && !result.Steps[0].Lossy {
			t.Errorf("%q loses nothing", c.want)
		}
	}
	order := func(rows string) *Result {
		t.Helper()
		result, err := Apply(card.Card{Config: config}, synth.Weights(config, 1), Options{Rows: strings.Fields(rows)})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	if other := order("1 0 2 3 4 5 6 7 8 9"); len(other.Steps) != 1 || other.Steps[0].Lossy || other.Steps[0].What != "the 10 rows of the head are in another order: rows 1, 0, 2, 3, 4, 5, 6, 7, 8, 9" {
		t.Errorf("another order: %+v", other.Steps)
	}
	if same := order("0 1 2 3 4 5 6 7 8 9"); len(same.Steps) != 0 || len(same.Notes) != 1 || same.Card.Config != config {
		t.Errorf("the same order: %+v, %q", same.Steps, same.Notes)
	}
	// printf '%s\n' 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 | sha256sum
	if many := order(strings.Repeat("9 ", 17)); !strings.HasSuffix(many.Steps[0].What, ": sha256 a86401c3e17892f684bea8803fdb2b06d017cbbb74fcef16b2513d61a6d55906 of their list") {
		t.Errorf("many: %+v", many.Steps)
	}
}

func TestApply_Headless(t *testing.T) {
	t.Parallel()
	for _, config := range []arch.Config{square(3), masked()} {
		result, values := apply(t, card.Card{Config: config}, Options{Headless: true})
		if values[config.NormName()+".weight"] == nil || values[config.HeadName()+".weight"] != nil || result.Card.Config.Classes != 0 || !result.Steps[0].Lossy {
			t.Errorf("%+v: %v", result.Card.Config, result.Steps)
		}
	}
}

func TestApply_RefusesContradictions(t *testing.T) {
	t.Parallel()
	classless := square(3)
	classless.Classes = 0
	bare := square(3)
	bare.Bias = arch.NoBias
	for _, c := range []struct {
		what    string
		config  arch.Config
		options Options
	}{
		{"height alone", square(3), Options{ImageHeight: 32}},
		{"method without size", square(3), Options{Resize: Timm}},
		{"unknown method", square(3), Options{ImageHeight: 32, ImageWidth: 32, Resize: "bilinear"}},
		{"head and none", square(3), Options{Classes: 4, Headless: true}},
		{"head without classes", square(3), Options{Head: ZeroHead}},
		{"rows of which none is named", square(3), Options{Head: RowsHead}},
		{"rows and another head", square(3), Options{Head: ZeroHead, Rows: []string{"1"}}},
		{"other number of rows", square(3), Options{Classes: 2, Rows: []string{"1"}}},
		{"rows of visual tokens", masked(), Options{Rows: []string{"1"}}},
		{"rows of no head", classless, Options{Rows: []string{"1"}}},
		{"negative classes", square(3), Options{Classes: -1}},
		{"immense classes", square(3), Options{Classes: math.MaxInt}},
		{"immense rows", square(3), Options{Rows: make([]string, 1<<20+1)}},
		{"norm of a classifier", square(3), Options{Classes: 4, Norm: PretrainedNorm}},
		{"norm without head", masked(), Options{Norm: PretrainedNorm}},
		{"copies of no table", bare, Options{PerBlockBias: true}},
	} {
		_, err := Apply(card.Card{Config: c.config}, synth.Weights(c.config, 0), c.options)
		if !errors.As(err, new(*OptionsError)) || !errors.Is(err, errdef.ErrUsage) || errdef.Hint(err) == "" {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestApply_RecipeFollowsSize(t *testing.T) {
	t.Parallel()
	config := square(14)
	timm, err := card.RecipeFor("timm", 224)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what           string
		facts          card.Facts
		height, width  int
		resizeTo, crop int // 0 if the recipe is left out
		guess          bool
	}{
		{"by its name", card.Facts{Recipe: &timm, RecipeName: "timm"}, 384, 384, 384, 384, false},
		{"scaled", card.Facts{Recipe: &timm}, 384, 384, 425, 384, true},
		{"not square", card.Facts{Recipe: &timm}, 384, 224, 0, 0, false},
		{"of the new size", card.Facts{Recipe: &card.Recipe{Crop: 384, ResizeTo: 400}}, 384, 384, 400, 384, false},
	} {
		c.facts.From = map[card.Item]card.Origin{card.Preparing: card.Processor}
		result, err := Apply(card.Card{Config: config, Facts: c.facts}, synth.Weights(config, 0), Options{ImageHeight: c.height, ImageWidth: c.width})
		if err != nil {
			t.Fatal(err)
		}
		got := result.Card.Recipe
		if got == nil {
			got = &card.Recipe{}
		}
		if got.ResizeTo != c.resizeTo || got.Crop != c.crop || result.Card.From[card.Preparing].Guess() != c.guess {
			t.Errorf("%s: %+v, from %q", c.what, *got, result.Card.From[card.Preparing])
		}
	}
	if timm.Crop != 224 {
		t.Error("the recipe of the caller was changed")
	}
}
