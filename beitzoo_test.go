package beitzoo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

const seven = "manifests/embedded/images/7/005.png"

func newZoo(t *testing.T) *zoo.Zoo {
	t.Helper()
	local, err := cache.New(filepath.Join(t.TempDir(), "cache"), cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	z, err := beitzoo.NewZoo(zoo.Options{Cache: local, State: t.TempDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestOpen_Facts makes sure that a model says where its recipe and epsilon come from, and finds its labels.
func TestOpen_Facts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		model       string
		options     beitzoo.Options
		scheme      string
		epsilonFrom card.Origin
		recipeFrom  card.Origin
		recipe      string
		label       string
	}{
		{"zoo", "digits_p16_64", beitzoo.Options{}, "canonical", card.Manifest, card.Manifest, "passl-digits", "7"},
		{"file", checkpoint, beitzoo.Options{}, "passl", "the default of PASSL, unilm and timm", card.Architecture, "passl-digits", ""},
		{"folder", "testdata/digits/hf", beitzoo.Options{}, "hf", "config.json", card.Architecture, "passl-digits", ""},
		{
			"asked for", checkpoint,
			beitzoo.Options{Checkpoint: convert.OpenOptions{RecipeName: "hf", Labels: []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}, Epsilon: 1e-6}},
			"passl", "as asked for", card.Asked, "hf", "h",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.options.Zoo = newZoo(t)
			model, err := beitzoo.Open(t.Context(), c.model, c.options)
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			if model.Scheme != c.scheme || model.Card.From[card.Epsilon] != c.epsilonFrom || model.Card.From[card.Preparing] != c.recipeFrom || model.Card.RecipeName != c.recipe {
				t.Errorf("got %+v", model.Facts)
			}
			if (model.Entry != nil) != (c.name == "zoo") || model.Card.Config.Epsilon != model.Config().Epsilon {
				t.Errorf("entry %v, epsilon %g", model.Entry, model.Card.Config.Epsilon)
			}
			predictions, err := model.Predict(t.Context(), []string{seven}, 1)
			if err != nil {
				t.Fatal(err)
			}
			if best := predictions[0].Top[0]; best.Index != 7 || best.Label != c.label {
				t.Errorf("predicted %v", best)
			}
		})
	}
}

// TestOpen_BatchIsTold makes sure that one number says how many images a model expects and gets at once.
func TestOpen_BatchIsTold(t *testing.T) {
	t.Parallel()
	for told, want := range map[int]int{0: classify.DefaultBatchSize, 3: 3} {
		model, err := beitzoo.Open(t.Context(), checkpoint, beitzoo.Options{Zoo: newZoo(t), Run: engine.Options{Batch: told}})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		if model.BatchSize != want {
			t.Errorf("told %d: the batch has %d", told, model.BatchSize)
		}
	}
}

func TestOpen_Errors(t *testing.T) {
	t.Parallel()
	tiny := "testdata/tiny/tiny_p16_32.unilm.pth"
	for _, c := range []struct {
		name    string
		model   string
		options beitzoo.Options
		is      error
		as      any
	}{
		{"no such file", "no/such.pth", beitzoo.Options{}, fs.ErrNotExist, new(*fs.PathError)},
		{"no such name", "beit_nothing", beitzoo.Options{}, nil, new(*manifest.NotFoundError)},
		{"unknown recipe", checkpoint, beitzoo.Options{Checkpoint: convert.OpenOptions{RecipeName: "tim"}}, errdef.ErrUsage, new(*card.UnknownRecipeError)},
		{"not a classifier", "testdata/mim/tiny_mim_p16_64.unilm.pth", beitzoo.Options{}, errdef.ErrUsage, new(*classify.ModelError)},
		{"too few labels", tiny, beitzoo.Options{Checkpoint: convert.OpenOptions{Labels: []string{"cat"}}}, errdef.ErrInput, new(*card.LabelsError)},
	} {
		c.options.Zoo = newZoo(t)
		model, err := beitzoo.Open(t.Context(), c.model, c.options)
		if model != nil || c.is != nil && !errors.Is(err, c.is) || !errors.As(err, c.as) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestFind_AnExistingFileIsAFile makes sure that a file hides a name of the zoo, and that the zoo is not opened for it.
func TestFind_AnExistingFileIsAFile(t *testing.T) {
	t.Parallel()
	refuse := func() (*zoo.Zoo, error) { return nil, errors.New("the zoo was opened") }
	if got, err := beitzoo.Find(t.Context(), "zoo", refuse, zoo.PullOptions{}); err != nil || got.Path != "zoo" || got.Entry != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := beitzoo.Find(t.Context(), "digits_p16_64.pth", refuse, zoo.PullOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name with an ending: %v", err)
	}
	if _, err := beitzoo.Find(t.Context(), "digits_p16_64@1.0.0", refuse, zoo.PullOptions{}); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name with a version: %v", err)
	}
}

// TestRecipes makes sure that the recipe of every naming scheme exists.
func TestRecipes(t *testing.T) {
	t.Parallel()
	for _, scheme := range naming.NamesFor(arch.Transformer) {
		if !slices.Contains(card.RecipeNames(), naming.RecipeName(scheme)) {
			t.Errorf("images of %s are prepared by %q, which is not a recipe", scheme, naming.RecipeName(scheme))
		}
	}
}

// TestDoc_SnippetsAreExamples makes sure that each line of code in the package's documentation is also in an example, so it compiles and runs. The one
// exception is the call of NewZoo: the example keeps the zoo's files in a temporary folder.
func TestDoc_SnippetsAreExamples(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"z, err := beitzoo.NewZoo(zoo.Options{})": true}
	for line := range strings.Lines(string(examples)) {
		known[strings.TrimSpace(line)] = true
	}
	count := 0
	for line := range strings.Lines(string(doc)) {
		if code, found := strings.CutPrefix(line, "//\t"); found {
			count++
			if !known[strings.TrimSpace(code)] {
				t.Errorf("no example has the line %q", code)
			}
		}
	}
	if count < 10 {
		t.Errorf("the documentation has only %d lines of code", count)
	}
}

// TestDoc_NamesEveryPackage makes sure that the documentation lists every package that a program can import, and no others. Left out are formats and
// stores, whose parent folders are listed, and test suites.
func TestDoc_NamesEveryPackage(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{"errdef": true}
	for line := range strings.Lines(string(doc)) {
		if item, found := strings.CutPrefix(line, "//   - "); found {
			names, _, _ := strings.Cut(item, ":")
			for name := range strings.SplitSeq(names, ", ") {
				named[name] = true
			}
		}
	}
	err = fs.WalkDir(os.DirFS("."), ".", func(folder string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		switch name := entry.Name(); {
		case name == "internal" || name == "testdata" || name == "cmd" || name == "dev" || len(name) > 1 && name[0] == '.':
			return fs.SkipDir
		case strings.HasSuffix(name, "test"):
			return nil
		}
		if sources, err := filepath.Glob(filepath.Join(filepath.FromSlash(folder), "*.go")); len(sources) == 0 || folder == "." {
			return err
		}
		if parent := path.Dir(folder); !named[folder] && parent != "convert/checkpoint" && parent != "zoo/store" {
			t.Errorf("the documentation does not list %s", folder)
		}
		delete(named, folder)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range named {
		t.Errorf("the documentation lists %s, which is not a package", name)
	}
}

// slowEngine is the native engine with models that say when they are running, and notice if they are closed then.
type slowEngine struct {
	native.Engine
	t       *testing.T
	entered chan struct{}
}

type slowModel struct {
	engine.Model
	engine  slowEngine
	running atomic.Bool
}

func (e slowEngine) Load(ctx context.Context, config arch.Config, weights []tensor.Named, options engine.Options) (engine.Model, error) {
	model, err := e.Engine.Load(ctx, config, weights, options)
	return &slowModel{Model: model, engine: e}, err
}

func (m *slowModel) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	m.running.Store(true)
	defer m.running.Store(false)
	close(m.engine.entered)
	time.Sleep(100 * time.Millisecond) // in which a Close that does not wait would come through
	return m.Model.Forward(ctx, input, tap)
}

func (m *slowModel) Close() error {
	if m.running.Load() {
		m.engine.t.Error("the engine's model was closed during Forward")
	}
	return m.Model.Close()
}

// TestModel_CloseWaitsForPredict: a service may end while it answers.
func TestModel_CloseWaitsForPredict(t *testing.T) {
	t.Parallel()
	slow := slowEngine{t: t, entered: make(chan struct{})}
	model, err := beitzoo.Open(t.Context(), checkpoint, beitzoo.Options{Engine: slow})
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error)
	go func() {
		_, err := model.Predict(t.Context(), []string{seven}, 1)
		answered <- err
	}()
	<-slow.entered
	for range 2 {
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestClassify_WithoutImages(t *testing.T) {
	t.Parallel()
	if _, err := beitzoo.Classify(t.Context(), checkpoint); !errors.Is(err, beitzoo.ErrNoImages) {
		t.Error(err)
	}
}

// TestOpen_TimmFolder compares with what timm's create_transform and model answer for a folder that timm's save_for_hf wrote: the recipe is in its
// config.json, and with that of another program the most probable class is another one.
func TestOpen_TimmFolder(t *testing.T) {
	t.Parallel()
	model, err := beitzoo.Open(t.Context(), "testdata/cards/timm_v2_crop90", beitzoo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	predictions, err := model.Predict(t.Context(), []string{"testdata/cards/cat.png"}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		label   string
		percent string
	}{{"animal1", "27.39"}, {"animal4", "21.36"}} {
		got := predictions[0].Top[i]
		if got.Label != want.label || fmt.Sprintf("%.2f", 100*got.Probability) != want.percent {
			t.Errorf("place %d is %v with %.4f, want %v", i, got, got.Probability, want)
		}
	}
}
