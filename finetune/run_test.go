package finetune_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/random"
	"github.com/beitzoo/beitzoo/tensor"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// regression is a learner in plain Go: logistic regression on the first pixels of a picture, whose weights are head.weight. It is a real one, with AdamW, and
// small enough to be trained hundreds of times.
type regression struct {
	config arch.Config
	memory engine.Memory
	// weights, first, second and average are the values behind the memory.
	weights, first, second, average []float64
	gradient                        []float64
	// fail, if not nil, is called before each Backward.
	fail func() error
}

func newRegression(config arch.Config) *regression {
	n := config.Classes * config.EmbedDim
	r := &regression{config: config, weights: make([]float64, n), first: make([]float64, n), second: make([]float64, n), average: make([]float64, n)}
	r.publish()
	return r
}

// publish makes the memory of the values.
func (r *regression) publish() {
	list := func(values []float64) []tensor.Named {
		var raw []byte
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		}
		return []tensor.Named{{Name: "head.weight", View: tensor.View{DType: tensor.F64, Shape: tensor.Shape{r.config.Classes, r.config.EmbedDim}, Data: tensor.Memory(raw)}}}
	}
	r.memory = engine.Memory{Parameters: list(r.weights), First: list(r.first), Second: list(r.second), Average: list(r.average)}
}

// logits returns those of the pixels of one picture.
func (r *regression) logits(weights []float64, pixels []float32) []float64 {
	out := make([]float64, r.config.Classes)
	for class := range out {
		for i := range r.config.EmbedDim {
			out[class] += weights[class*r.config.EmbedDim+i] * float64(pixels[i])
		}
	}
	return out
}

func (r *regression) Backward(ctx context.Context, b engine.Batch) (float64, error) {
	if r.fail != nil {
		if err := r.fail(); err != nil {
			return 0, err
		}
	}
	images, err := engine.CheckBatch(r.config, b)
	if err != nil {
		return 0, err
	}
	if r.gradient == nil {
		r.gradient = make([]float64, len(r.weights))
	}
	loss, one := 0.0, len(b.Pixels)/images
	for n := range images {
		pixels, targets := b.Pixels[n*one:], b.Targets[n*r.config.Classes:]
		logits := r.logits(r.weights, pixels)
		sum := 0.0
		for _, x := range logits {
			sum += math.Exp(x)
		}
		for class, x := range logits {
			loss -= targets[class] * (x - math.Log(sum)) / float64(images)
			for i := range r.config.EmbedDim {
				r.gradient[class*r.config.EmbedDim+i] += b.Share / float64(images) * (math.Exp(x)/sum - targets[class]) * float64(pixels[i])
			}
		}
	}
	if err := ctx.Err(); err != nil {
		r.gradient = nil
		return 0, err
	}
	if loss-loss != 0 {
		r.gradient = nil
		return 0, &engine.GradientError{Loss: loss, First: "head.weight", Bad: 1, All: 1}
	}
	return loss, nil
}

func (r *regression) Update(_ context.Context, u engine.Update) (float64, error) {
	at := slices.IndexFunc(r.config.Params(), func(p arch.Param) bool { return p.Name == "head.weight" })
	rate, squares := u.Rates[at], 0.0
	for i, g := range r.gradient {
		squares += g * g
		r.first[i] += (g - r.first[i]) * (1 - u.Beta1)
		r.second[i] += (g*g - r.second[i]) * (1 - u.Beta2)
		mean, square := r.first[i]/(1-math.Pow(u.Beta1, float64(u.Step))), r.second[i]/(1-math.Pow(u.Beta2, float64(u.Step)))
		r.weights[i] -= rate * (u.Decays[at]*r.weights[i] + mean/(math.Sqrt(square)+u.Epsilon))
		r.average[i] += (r.weights[i] - r.average[i]) * (1 - u.Average)
	}
	r.gradient = nil
	r.publish()
	return math.Sqrt(squares), nil
}

func (r *regression) Read(use func(engine.Memory) error) error { return use(r.memory) }

func (r *regression) Restore(_ context.Context, m engine.Memory) error {
	for _, l := range []struct {
		from []tensor.Named
		to   []float64
	}{{m.Parameters, r.weights}, {m.First, r.first}, {m.Second, r.second}, {m.Average, r.average}} {
		values, err := tensor.Float64s(l.from[0].View)
		if err != nil {
			return err
		}
		copy(l.to, values)
	}
	r.publish()
	return nil
}

func (r *regression) Close() error { return nil }

// blobs are pictures whose first pixels are drawn around a centre of their class, and around another one in each epoch, as augmentation does.
type blobs struct {
	config arch.Config
	n      int
	// spoil, if not nil, may change a picture or return an error.
	spoil func(epoch, index int, pixels []float32) error
}

func (b blobs) Len() int { return b.n }

func (b blobs) Picture(_ context.Context, epoch, index int, pixels []float32) (int, error) {
	class := index % b.config.Classes
	draws := random.New(99, uint64(epoch), uint64(index))
	for i := range b.config.EmbedDim {
		pixels[i] = float32(draws.Normal())
		if i%b.config.Classes == class {
			pixels[i] += 0.7
		}
	}
	if b.spoil != nil {
		return class, b.spoil(epoch, index, pixels)
	}
	return class, nil
}

// evaluated returns a function that scores parameters on pictures of an epoch that is not trained.
func evaluated(b blobs) func(context.Context, []tensor.Named) (finetune.Score, error) {
	return func(ctx context.Context, parameters []tensor.Named) (score finetune.Score, err error) {
		weights, err := tensor.Float64s(parameters[0].View)
		if err != nil {
			return score, err
		}
		pixels := make([]float32, 3*32*32)
		for index := range 60 {
			class, err := b.Picture(ctx, 1000, index, pixels)
			if err != nil {
				return score, err
			}
			logits := (&regression{config: b.config}).logits(weights, pixels)
			if slices.Index(logits, slices.Max(logits)) == class {
				score.Right++
			}
			score.Images++
		}
		return score, ctx.Err()
	}
}

// settings are those of short trainings, in which all that is drawn is drawn.
func settings() finetune.Settings {
	s := finetune.Defaults()
	s.Epochs, s.Batch, s.Part, s.Rate, s.DropPath, s.Average, s.Seed = 3, 10, 4, 0.05, 0.3, 0.9, 7
	return s
}

func plan(t testing.TB, s finetune.Settings, pictures int) *finetune.Plan {
	t.Helper()
	p, err := finetune.NewPlan(s, small(false), pictures)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// options returns those of a training in a folder.
func options(folder string, pictures int) finetune.Options {
	data := blobs{config: small(false), n: pictures}
	return finetune.Options{
		Pictures: data, Evaluate: evaluated(data), Folder: folder, KeepSteps: 2, Identity: map[string]string{"data": "blobs"},
		Mix: func(epoch, batch int, pixels []float32, classes []int) []float64 {
			pixels[0] += float32(random.New(5, uint64(epoch), uint64(batch)).Float64())
			return settings().Targets(classes, 3)
		},
	}
}

func TestRun_Learns(t *testing.T) {
	t.Parallel()
	learner, o := newRegression(small(false)), options("", 45)
	var all []finetune.Progress
	o.Progress = func(p finetune.Progress) { all = append(all, p) }
	result, err := finetune.Run(t.Context(), plan(t, settings(), 45), learner, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 13 || all[12].Step != 12 || all[12].Over == nil || all[11].Over != nil || all[4].Epoch != 1 || all[0].Step != 0 {
		t.Errorf("progress %+v", all)
	}
	if len(result.Epochs) != 3 || result.Resumed != 0 || result.Best < 0 {
		t.Fatalf("%+v", result)
	}
	best := result.Epochs[result.Best].Score.Right
	for i, e := range result.Epochs {
		if e.Score.Images != 60 || e.Score.Right > best || i < result.Best && e.Score.Right == best {
			t.Errorf("epoch %d has %+v, and the best is %d", i, *e.Score, result.Best)
		}
	}
	if first, last := result.Epochs[0], result.Epochs[2]; !(last.Loss < first.Loss) || last.Score.Right < 40 {
		t.Errorf("losses %g, %g, right %d of 60, of 3 classes", first.Loss, last.Loss, last.Score.Right)
	}
}

// TestRun_ResumesFromAnyMoment keeps what was in the folder at each step, which is what a process leaves that is killed there, and goes on from all of them.
func TestRun_ResumesFromAnyMoment(t *testing.T) {
	t.Parallel()
	const pictures = 45
	base := t.TempDir()
	whole := filepath.Join(base, "whole")
	o := options(whole, pictures)
	var moments []string
	o.Progress = func(p finetune.Progress) {
		to := filepath.Join(base, fmt.Sprint(len(moments)))
		if err := os.CopyFS(to, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		moments = append(moments, to)
	}
	want := newRegression(small(false))
	wantResult, err := finetune.Run(t.Context(), plan(t, settings(), pictures), want, o)
	if err != nil {
		t.Fatal(err)
	}
	resumed := map[int]bool{}
	for i, folder := range moments {
		got := newRegression(small(false))
		result, err := finetune.Run(t.Context(), plan(t, settings(), pictures), got, options(folder, pictures))
		if err != nil {
			t.Fatal(err)
		}
		resumed[result.Resumed] = true
		compareRuns(t, fmt.Sprint("moment ", i), want, got, wantResult, result)
		for _, name := range []string{finetune.StateName, finetune.BestName} {
			a, errA := os.ReadFile(filepath.Join(whole, name))
			b, errB := os.ReadFile(filepath.Join(folder, name))
			if errA != nil || errB != nil || !slices.Equal(a, b) {
				t.Errorf("moment %d: %s is another file (%v, %v)", i, name, errA, errB)
			}
		}
	}
	if got := slices.Sorted(maps.Keys(resumed)); !slices.Equal(got, []int{0, 2, 4, 6, 8, 10, 12}) {
		t.Errorf("resumed from the steps %v", got)
	}
}

func compareRuns(t *testing.T, what string, want, got *regression, wantResult, result *finetune.Result) {
	t.Helper()
	if !slices.Equal(want.weights, got.weights) || !slices.Equal(want.average, got.average) || !slices.Equal(want.second, got.second) {
		t.Errorf("%s: other parameters", what)
	}
	if result.Best != wantResult.Best || len(result.Epochs) != len(wantResult.Epochs) {
		t.Fatalf("%s: %+v, want %+v", what, result, wantResult)
	}
	for i := range result.Epochs {
		a, b := result.Epochs[i], wantResult.Epochs[i]
		if *a.Score != *b.Score || a.Loss != b.Loss || a.Norm != b.Norm || a.Rate != b.Rate {
			t.Errorf("%s: epoch %+v, want %+v", what, a, b)
		}
	}
}

// TestRun_StopsAndGoesOn ends the context at each step, and during the evaluation.
func TestRun_StopsAndGoesOn(t *testing.T) {
	t.Parallel()
	const pictures = 45
	want := newRegression(small(false))
	wantResult, err := finetune.Run(t.Context(), plan(t, settings(), pictures), want, options(filepath.Join(t.TempDir(), "whole"), pictures))
	if err != nil {
		t.Fatal(err)
	}
	for stop := range 15 { // after 13 progresses, and in the evaluation after the first and the last epoch
		folder := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		o := options(folder, pictures)
		reports, evaluations := 0, 0
		o.Progress = func(finetune.Progress) {
			if reports++; reports == stop+1 {
				cancel()
			}
		}
		evaluate := o.Evaluate
		o.Evaluate = func(ctx context.Context, parameters []tensor.Named) (finetune.Score, error) {
			if evaluations++; stop >= 13 && evaluations == 1+2*(stop-13) {
				cancel()
			}
			return evaluate(ctx, parameters)
		}
		_, err := finetune.Run(ctx, plan(t, settings(), pictures), newRegression(small(false)), o)
		cancel()
		stopped := (*finetune.StoppedError)(nil)
		if stop != 12 && (!errors.As(err, &stopped) || !errors.Is(err, context.Canceled) || stopped.Kept != stopped.Step) {
			t.Fatalf("stop %d: %v", stop, err)
		}
		if stop != 12 && strings.Contains(err.Error(), "canceled") {
			t.Errorf("stop %d: the message is %q", stop, err)
		}
		got := newRegression(small(false))
		result, err := finetune.Run(t.Context(), plan(t, settings(), pictures), got, options(folder, pictures))
		if err != nil {
			t.Fatal(err)
		}
		if stopped != nil && result.Resumed != stopped.Step {
			t.Errorf("stop %d: resumed from step %d, and %d were said to be kept", stop, result.Resumed, stopped.Step)
		}
		compareRuns(t, fmt.Sprint("stop ", stop), want, got, wantResult, result)
	}
}

// TestRun_Diverges makes sure that a loss that is not finite is an error which says where, and that the state before it is kept.
func TestRun_Diverges(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	o := options(folder, 45)
	o.Pictures = blobs{config: small(false), n: 45, spoil: func(epoch, index int, pixels []float32) error {
		if epoch == 1 {
			pixels[3] = float32(math.NaN())
		}
		return nil
	}}
	_, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o)
	diverged := (*finetune.DivergedError)(nil)
	if !errors.As(err, &diverged) || diverged.Epoch != 1 || diverged.Step != 0 || diverged.Rate != plan(t, settings(), 45).Rate(4) || diverged.Err.First != "head.weight" {
		t.Fatalf("%v", err)
	}
	if !strings.HasPrefix(err.Error(), "step 1 of epoch 2, with a learning rate of 0.0") {
		t.Error(err)
	}
	o.Pictures = blobs{config: small(false), n: 45}
	result, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o)
	if err != nil || result.Resumed != 4 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestRun_BadPicture makes sure that a picture that can't be had stops the training, and loses nothing.
func TestRun_BadPicture(t *testing.T) {
	t.Parallel()
	gone := errors.New("no such picture")
	o := options(t.TempDir(), 45)
	o.Pictures = blobs{config: small(false), n: 45, spoil: func(epoch, index int, _ []float32) error {
		if epoch == 2 {
			return fmt.Errorf("picture %d: %w", index, gone)
		}
		return nil
	}}
	_, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o)
	stopped := (*finetune.StoppedError)(nil)
	if !errors.As(err, &stopped) || !errors.Is(err, gone) || stopped.Kept != 8 || stopped.Step != 8 {
		t.Fatalf("%v", err)
	}
	want := fmt.Sprintf("picture %d:", plan(t, settings(), 45).Order(2)[0])
	if !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want the first picture of the batch, %s", err, want)
	}
	if hint := errdef.Hint(err); !strings.HasPrefix(hint, "put back the picture as it was when the training began") || !strings.Contains(hint, "; then the same command goes on from there; without it") {
		t.Errorf("hint: %s", hint)
	}
}

// TestRun_NoSpace takes away the folder, after a state was kept, so that no other one can be: what then is lost is said.
func TestRun_NoSpace(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "state")
	o := options(folder, 45)
	o.Evaluate = nil // what is the best is kept too
	o.Progress = func(p finetune.Progress) {
		if p.Step == 3 {
			if err := os.RemoveAll(folder); err != nil {
				t.Error(err)
			}
		}
	}
	_, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o)
	stopped := (*finetune.StoppedError)(nil)
	if !errors.As(err, &stopped) || stopped.Step != 4 || stopped.Kept != 2 || strings.Count(err.Error(), "no such file") != 1 {
		t.Errorf("%v", err)
	}
}

// TestRun_NoSpaceAtFirst makes sure that no step is made if the state could not be kept after it.
func TestRun_NoSpaceAtFirst(t *testing.T) {
	t.Parallel()
	for _, name := range []string{finetune.StateName, "space"} { // a folder of that name is in the way
		folder := t.TempDir()
		if err := os.MkdirAll(filepath.Join(folder, name, "something"), 0o700); err != nil {
			t.Fatal(err)
		}
		o := options(folder, 45)
		steps := 0
		o.Progress = func(finetune.Progress) { steps++ }
		if _, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o); err == nil || !strings.Contains(err.Error(), finetune.StateName) || steps > 0 {
			t.Errorf("%s: %d steps, %v", name, steps, err)
		}
	}
}

// TestRun_StateOfNoStep makes sure that a training of which no step was made is in nobody's way.
func TestRun_StateOfNoStep(t *testing.T) {
	t.Parallel()
	from, folder := t.TempDir(), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	o := options(from, 45)
	o.Progress = func(finetune.Progress) {
		if err := os.CopyFS(folder, os.DirFS(from)); err != nil {
			t.Error(err)
		}
		cancel()
	}
	if _, err := finetune.Run(ctx, plan(t, settings(), 45), newRegression(small(false)), o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	other := settings()
	other.Rate = 0.1
	result, err := finetune.Run(t.Context(), plan(t, other, 45), newRegression(small(false)), options(folder, 45))
	if err != nil || result.Resumed != 0 || len(result.Epochs) != 3 {
		t.Errorf("%+v, %v", result, err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 3 { // state, best, lock
		t.Errorf("%v, %v", entries, err)
	}
}

// TestRun_State makes sure that a training goes on from its own state only.
func TestRun_State(t *testing.T) {
	t.Parallel()
	run := func(folder string, s finetune.Settings, change func(*finetune.Options)) error {
		o := options(folder, 45)
		change(&o)
		_, err := finetune.Run(t.Context(), plan(t, s, o.Pictures.Len()), newRegression(small(false)), o)
		return err
	}
	nothing := func(*finetune.Options) {}
	folder := t.TempDir()
	if err := run(folder, settings(), nothing); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]struct {
		settings func(*finetune.Settings)
		options  func(*finetune.Options)
	}{
		"rate 0.05, now 0.1": {settings: func(s *finetune.Settings) { s.Rate = 0.1 }},
		"clip none, now 1":   {settings: func(s *finetune.Settings) { s.Clip = 1 }},
		"seed 7, now 8":      {settings: func(s *finetune.Settings) { s.Seed = 8 }},
		"data blobs, now other; weights none, now mine": {options: func(o *finetune.Options) {
			o.Identity = map[string]string{"data": "other", "weights": "mine"}
		}},
		"pictures 45, now 44": {options: func(o *finetune.Options) { o.Pictures = blobs{config: small(false), n: 44} }},
	} {
		s, change := settings(), nothing
		if c.settings != nil {
			c.settings(&s)
		}
		if c.options != nil {
			change = c.options
		}
		problem := (*finetune.StateError)(nil)
		if err := run(folder, s, change); !errors.As(err, &problem) || !strings.HasSuffix(err.Error(), "it is of another training: "+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for name, spoil := range map[string]func(raw []byte) []byte{
		"cut":   func(raw []byte) []byte { return raw[:len(raw)-9] },
		"empty": func([]byte) []byte { return nil },
		"version": func(raw []byte) []byte {
			return []byte(strings.Replace(string(raw), `\"version\":2`, `\"version\":1`, 1))
		},
		"steps": func(raw []byte) []byte { return []byte(strings.Replace(string(raw), `\"step\":12`, `\"step\":10`, 1)) },
		"names": func(raw []byte) []byte { return []byte(strings.Replace(string(raw), `second.head`, `second.haed`, 1)) },
	} {
		spoilt := t.TempDir()
		raw, err := os.ReadFile(filepath.Join(folder, finetune.StateName))
		if err != nil {
			t.Fatal(err)
		}
		if changed := spoil(slices.Clone(raw)); slices.Equal(raw, changed) {
			t.Errorf("%s: nothing is spoilt", name)
		} else if err := os.WriteFile(filepath.Join(spoilt, finetune.StateName), changed, 0o600); err != nil {
			t.Fatal(err)
		}
		problem := (*finetune.StateError)(nil)
		if err := run(spoilt, settings(), nothing); !errors.As(err, &problem) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := run(filepath.Join(folder, finetune.StateName), settings(), nothing); err == nil || !strings.Contains(err.Error(), finetune.StateName) {
		t.Errorf("a file in place of the folder: %v", err)
	}
}

// TestRun_OneAtATime makes sure that two trainings don't write to one folder.
func TestRun_OneAtATime(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), 45)
	o.Progress = func(p finetune.Progress) {
		if p.Step != 1 {
			return
		}
		inner := options(o.Folder, 45)
		_, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), inner)
		if used := (*disk.InUseError)(nil); !errors.As(err, &used) {
			t.Errorf("a second training in the folder: %v", err)
		}
	}
	if _, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o); err != nil {
		t.Fatal(err)
	}
}

// TestRun_KeepsByTime makes sure that the state is also kept when some time has passed.
func TestRun_KeepsByTime(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), 45)
	o.KeepSteps, o.KeepEvery = 0, time.Nanosecond
	o.Progress = func(p finetune.Progress) {
		raw, err := os.ReadFile(filepath.Join(o.Folder, finetune.StateName))
		if want := fmt.Sprintf(`\"step\":%d,`, p.Step); err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("the state after step %d is another one: %v", p.Step, err)
		}
	}
	if _, err := finetune.Run(t.Context(), plan(t, settings(), 45), newRegression(small(false)), o); err != nil {
		t.Fatal(err)
	}
}

// TestPlan_Draws compares what is drawn with what it has to be on average.
func TestPlan_Draws(t *testing.T) {
	t.Parallel()
	s := settings()
	s.Batch, s.Part = 1000, 0
	p := plan(t, s, 5000)
	for branch, want := range []float64{0, 0, 0.15, 0.15, 0.3, 0.3} {
		dropped, sum := 0.0, 0.0
		for step := range p.Steps {
			for _, factor := range p.Paths(step)[branch*1000:][:1000] {
				if factor == 0 {
					dropped++
				}
				sum += factor
			}
		}
		n := float64(p.Steps) * 1000
		if got := dropped / n; math.Abs(got-want) > 0.02 || math.Abs(sum/n-1) > 0.03 {
			t.Errorf("branch %d: %g are dropped, want %g; the mean of the factors is %g", branch, got, want, sum/n)
		}
	}
	orders := map[string]bool{}
	for epoch := range 3 {
		order := p.Order(epoch)
		orders[fmt.Sprint(order)] = true
		slices.Sort(order)
		for i, index := range order {
			if i != index {
				t.Fatalf("epoch %d: picture %d is not there once", epoch, i)
			}
		}
	}
	if len(orders) != 3 {
		t.Error("two epochs have the same order")
	}
}

// TestPlan_Memory compares with the sizes of the parameters.
func TestPlan_Memory(t *testing.T) {
	t.Parallel()
	config := small(false)
	s := settings()
	bytes := 4 * config.Parameters()
	all := plan(t, s, 45).Memory(tensor.F32, false)
	if all.Parameters != bytes || all.Gradients != bytes || all.Optimiser != 3*bytes || all.Total() != 5*bytes+all.Activations {
		t.Errorf("%+v", all)
	}
	s.Blocks, s.Average = 0, 0
	head := plan(t, s, 45).Memory(tensor.F32, false)
	learning := int64(4 * (2*32 + 3*32 + 3)) // norm and head
	if head.Gradients != learning || head.Optimiser != 2*learning || head.Activations <= 0 || head.Activations >= all.Activations/2 {
		t.Errorf("%+v, and %+v for all", head, all)
	}
	if again := plan(t, settings(), 45).Memory(tensor.F32, true); again.Activations >= all.Activations {
		t.Errorf("%d bytes when blocks are computed again, %d when not", again.Activations, all.Activations)
	}
}
