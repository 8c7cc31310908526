//go:build libtorch

package torch

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// start returns the model of the digits from which unilm's ten steps began.
func start(t testing.TB) *convert.Model {
	t.Helper()
	model, err := convert.Open(t.Context(), verifytest.Path(t, "finetune/digits_start.unilm.pth"), convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	return model
}

// batches returns unilm's ten batches.
func batches(t testing.TB, classes int) []engine.Batch {
	t.Helper()
	packed, err := os.Open(verifytest.Path(t, "tokenizer/digits_train.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	recipe := card.Recipe{
		Resize: card.Squash, ResizeTo: 64, Interpolation: card.Bicubic, Crop: 64, Mean: [3]float64{.5, .5, .5}, Std: [3]float64{.5, .5, .5},
	}
	pictures := map[string][]float32{}
	for files := tar.NewReader(plain); ; {
		header, err := files.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		prepared, err := preprocess.Prepare(recipe, files)
		if err != nil {
			t.Fatal(err)
		}
		pictures[header.Name] = prepared.Tensor
	}
	var names [][]string
	decode(t, "finetune/digits_batches.json", &names)
	var all []engine.Batch
	for _, batch := range names {
		b := engine.Batch{Share: 1}
		for _, name := range batch {
			b.Pixels = append(b.Pixels, pictures[name]...)
			for class := range classes {
				target := 0.1 / float64(classes) // label smoothing
				if int(name[0]-'0') == class {
					target += 0.9
				}
				b.Targets = append(b.Targets, target)
			}
		}
		all = append(all, b)
	}
	return all
}

// decode reads a JSON file of testdata.
func decode(t testing.TB, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(verifytest.Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// goldenUpdate returns step s, from 0 on, with unilm's groups and the settings in the metadata of the golden.
func goldenUpdate(config arch.Config, s int) engine.Update {
	u := engine.Update{Step: s + 1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	rate := 1e-3 * 0.5 * (1 + math.Cos(math.Pi*float64(s)/10))
	if s < 4 {
		rate = 1e-3 * float64(s+1) / 10
	}
	for _, p := range config.Params() {
		decay := 0.05
		if len(p.Shape) == 1 || strings.HasSuffix(p.Name, ".bias") || p.Name == "cls_token" {
			decay = 0
		}
		u.Rates = append(u.Rates, rate*math.Pow(0.65, float64(config.Depth+1-config.Layer(p.Name))))
		u.Decays = append(u.Decays, decay)
	}
	return u
}

func newLearner(t testing.TB, config arch.Config, weights []tensor.Named, options engine.TrainOptions) *learner {
	t.Helper()
	l, err := Engine{}.Train(t.Context(), config, weights, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*learner)
}

// waitingGradients returns the gradients that wait, by the names of their parameters.
func waitingGradients(t testing.TB, l *learner) map[string][]float64 {
	t.Helper()
	all := map[string][]float64{}
	if err := l.run(func(s *scope) {
		for _, v := range l.variables {
			if v.gradient != (value{}) {
				elements, _ := v.param.Shape.Elements()
				all[v.param.Name] = s.read(v.gradient, int(elements))
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// learnt returns a copy of what a learner holds.
func learnt(t testing.TB, l engine.Learner) map[string][]float64 {
	t.Helper()
	all := map[string][]float64{}
	if err := l.Read(func(m engine.Memory) error {
		for prefix, list := range map[string][]tensor.Named{"": m.Parameters, "first ": m.First, "second ": m.Second, "average ": m.Average} {
			for _, n := range list {
				values, err := tensor.Float64s(n.View)
				if err != nil {
					return err
				}
				all[prefix+n.Name] = values
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// distance returns the largest absolute difference, or NaN if the lengths differ.
func distance(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.NaN()
	}
	most := 0.0
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
}

// trainTenSteps returns what the golden has: the losses, the gradients of the first step and the parameters after the last.
func trainTenSteps(t testing.TB, options engine.TrainOptions) map[string][]float64 {
	t.Helper()
	model := start(t)
	l := newLearner(t, model.Config, model.Tensors, options)
	got := map[string][]float64{}
	for s, batch := range batches(t, model.Config.Classes) {
		loss, err := l.Backward(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		got["losses"] = append(got["losses"], loss)
		if s == 0 {
			for name, values := range waitingGradients(t, l) {
				got["grad."+name] = values
			}
		}
		if _, err := l.Update(t.Context(), goldenUpdate(model.Config, s)); err != nil {
			t.Fatal(err)
		}
	}
	for name, values := range learnt(t, l) {
		if !strings.Contains(name, " ") {
			got["end."+name] = values
		}
	}
	return got
}

// TestLearner_TenStepsOfUnilm compares with unilm's classes, its groups of parameters, and torch.optim.AdamW.
func TestLearner_TenStepsOfUnilm(t *testing.T) {
	compareTenSteps(t, "cpu")
}

func compareTenSteps(t *testing.T, device string) {
	t.Helper()
	want := map[string][]float64{}
	for _, n := range verifytest.Tensors(t, "finetune/digits_10steps.float64.safetensors") {
		values, err := tensor.Float64s(n.View)
		if err != nil {
			t.Fatal(err)
		}
		want[n.Name] = values
	}
	// far32 has how far the same steps of unilm in float32 are from those in float64.
	var far32 map[string]float64
	decode(t, "finetune/digits_10steps.float32.distances.json", &far32)
	for _, c := range []struct {
		name    string
		options engine.TrainOptions
		allowed func(name string) float64
	}{
		{"F64", engine.TrainOptions{DType: tensor.F64}, func(string) float64 { return 1e-12 }},
		{"F64 recomputed", engine.TrainOptions{DType: tensor.F64, Recompute: true}, func(string) float64 { return 1e-12 }},
		{"F32", engine.TrainOptions{}, func(name string) float64 { return 4 * far32[name] }},
		{"F32 on one thread", engine.TrainOptions{Threads: 1}, func(name string) float64 { return 4 * far32[name] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Device = device
			got := trainTenSteps(t, c.options)
			if len(got) != len(want) {
				t.Errorf("%d tensors, want %d", len(got), len(want))
			}
			worst, at := 0.0, ""
			for name, values := range want {
				far := distance(got[name], values)
				if !(far <= c.allowed(name)) {
					t.Errorf("%s is %.3g away, allowed is %.3g", name, far, c.allowed(name))
				}
				if share := far / c.allowed(name); share > worst {
					worst, at = share, name
				}
			}
			t.Logf("the farthest is %s, at %.3g of what is allowed", at, worst)
		})
	}
}

// variants are the architectures of classifiers, small ones.
func variants(t testing.TB) map[string]arch.Config {
	t.Helper()
	plain, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	plain.Name, plain.Classes = "", 3
	all := map[string]arch.Config{"tables of blocks": plain}
	shared, position, class, bare := plain, plain, plain, plain
	shared.Bias = arch.SharedBias
	position.Bias, position.AbsolutePosition = arch.NoBias, true
	class.Pooling = arch.ClassToken
	bare.LayerScale = false
	all["shared table"], all["positions"], all["class token"], all["no layer scale"] = shared, position, class, bare
	return all
}

// drawn returns a batch of some images, with targets that are not those of one class, and drawn paths.
func drawn(config arch.Config, images int) engine.Batch {
	b := engine.Batch{Pixels: synth.Images(images, config, 0), Share: 1}
	for i := range images {
		for class := range config.Classes {
			target := 0.1
			if class == i%config.Classes {
				target = 1 - 0.1*float64(config.Classes-1)
			}
			b.Targets = append(b.Targets, target)
		}
	}
	for i := range 2 * config.Depth * images {
		b.Paths = append(b.Paths, float64(i%3)) // 0, 1, 2
	}
	return b
}

func backward(t testing.TB, l *learner, batch engine.Batch) float64 {
	t.Helper()
	loss, err := l.Backward(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return loss
}

// TestLearner_GradientsAreSlopes compares the gradients with how much the loss changes when all elements of a parameter do.
func TestLearner_GradientsAreSlopes(t *testing.T) {
	for name, config := range variants(t) {
		t.Run(name, func(t *testing.T) {
			weights := synth.Weights(config, 0)
			l := newLearner(t, config, weights, engine.TrainOptions{DType: tensor.F64, Threads: 1})
			batch := drawn(config, 2)
			backward(t, l, batch)
			gradients := waitingGradients(t, l)
			for i, w := range weights {
				gradient, ok := gradients[w.Name]
				if !ok {
					t.Errorf("%s has no gradient", w.Name)
				}
				// the direction is drawn, and not the same for all elements: the gradients of a norm's weight would add up to 0
				values, err := tensor.Float64s(w.View)
				if err != nil {
					t.Fatal(err)
				}
				want := 0.0
				distance := 1e-5 / math.Sqrt(float64(len(values)))
				var losses []float64
				for _, sign := range []float64{1, -1} {
					moved := slices.Clone(values)
					for j := range moved {
						direction := float64(j*7919%13) - 6
						moved[j] += sign * distance * direction
						if sign > 0 && ok {
							want += gradient[j] * direction
						}
					}
					view := tensor.View{DType: tensor.F64, Shape: w.Shape, Data: tensor.Memory(float64Bytes(moved))}
					if err := l.Restore(t.Context(), engine.Memory{Parameters: []tensor.Named{{Name: w.Name, View: view}}}); err != nil {
						t.Fatal(err)
					}
					losses = append(losses, backward(t, l, batch))
				}
				if got := (losses[0] - losses[1]) / (2 * distance); math.Abs(got-want) > 1e-7*max(1, math.Abs(want)) {
					t.Errorf("%s: the loss has slope %.9g, the gradients say %.9g", w.Name, got, want)
				}
				if err := l.Restore(t.Context(), engine.Memory{Parameters: weights[i : i+1]}); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func float64Bytes(values []float64) []byte {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	return raw
}

// TestLearner_Loss compares with what inference makes of the same weights and images.
func TestLearner_Loss(t *testing.T) {
	for name, config := range variants(t) {
		t.Run(name, func(t *testing.T) {
			weights, batch := synth.Weights(config, 0), drawn(config, 3)
			batch.Paths, batch.Share = nil, 0.25
			model, err := Engine{}.Load(t.Context(), config, weights, engine.Options{DType: tensor.F64})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			result, err := model.Forward(t.Context(), engine.Input{Pixels: batch.Pixels}, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := 0.0
			for i := range 3 {
				logits := result.Values[i*config.Classes:][:config.Classes]
				sum := 0.0
				for _, x := range logits {
					sum += math.Exp(x)
				}
				for j, x := range logits {
					want -= batch.Targets[i*config.Classes+j] * (x - math.Log(sum)) / 3
				}
			}
			if got := backward(t, newLearner(t, config, weights, engine.TrainOptions{DType: tensor.F64, Threads: 1}), batch); math.Abs(got-want) > 1e-13 {
				t.Errorf("loss %.15g, want %.15g", got, want)
			}
		})
	}
}

// step returns an update with the same rate and decay for all.
func step(config arch.Config, number int) engine.Update {
	u := engine.Update{Step: number, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Average: 0.5}
	for range config.Params() {
		u.Rates, u.Decays = append(u.Rates, 1e-2), append(u.Decays, 0.05)
	}
	return u
}

// trained makes some steps from step number on, and returns what was learnt.
func trained(t testing.TB, l *learner, number, steps int, batch engine.Batch) map[string][]float64 {
	t.Helper()
	for s := range steps {
		backward(t, l, batch)
		if _, err := l.Update(t.Context(), step(l.config, number+s)); err != nil {
			t.Fatal(err)
		}
	}
	return learnt(t, l)
}

// changed returns the names of tensors that are not the same in both.
func changed(a, b map[string][]float64) (names []string) {
	for name := range a {
		if !slices.Equal(a[name], b[name]) {
			names = append(names, name)
		}
	}
	for name := range b {
		if a[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// trainedTwice trains twice as trained does, from the first step on, and compares the bits of both.
func trainedTwice(t testing.TB, config arch.Config, weights []tensor.Named, options engine.TrainOptions, steps int, batch engine.Batch) map[string][]float64 {
	t.Helper()
	want := trained(t, newLearner(t, config, weights, options), 1, steps, batch)
	if names := changed(want, trained(t, newLearner(t, config, weights, options), 1, steps, batch)); len(names) > 0 {
		t.Errorf("a second time: %d tensors differ: %v", len(names), names)
	}
	return want
}

// TestLearner_SameBits makes sure that neither another time, nor computing blocks twice, nor going on in another learner changes a bit.
func TestLearner_SameBits(t *testing.T) {
	for name, config := range variants(t) {
		for _, dtype := range []tensor.DType{tensor.F32, tensor.BF16} {
			t.Run(name+" "+dtype.String(), func(t *testing.T) {
				weights, batch := synth.Weights(config, 0), drawn(config, 5)
				options := engine.TrainOptions{Threads: 1, Average: true, DType: dtype}
				if name == "shared table" {
					options.Threads = 2
				}
				want := trainedTwice(t, config, weights, options, 4, batch)
				options.Recompute = true
				if names := changed(want, trained(t, newLearner(t, config, weights, options), 1, 4, batch)); len(names) > 0 {
					t.Errorf("recomputed: %v differ", names)
				}
				first, second := newLearner(t, config, weights, options), newLearner(t, config, weights, options)
				trained(t, first, 1, 2, batch)
				if err := first.Read(func(m engine.Memory) error { return second.Restore(t.Context(), m) }); err != nil {
					t.Fatal(err)
				}
				if names := changed(want, trained(t, second, 3, 2, batch)); len(names) > 0 {
					t.Errorf("resumed: %v differ", names)
				}
			})
		}
	}
}

// TestLearner_Parts makes sure that the parts of a batch give the gradients of the whole.
func TestLearner_Parts(t *testing.T) {
	config := variants(t)["shared table"]
	whole := drawn(config, 4)
	l := newLearner(t, config, synth.Weights(config, 0), engine.TrainOptions{DType: tensor.F64, Threads: 1})
	whole.Paths = nil
	want := backward(t, l, whole)
	gradients := waitingGradients(t, l)
	if _, err := l.Update(t.Context(), engine.Update{Step: 1, Rates: make([]float64, len(l.variables)), Decays: make([]float64, len(l.variables))}); err != nil {
		t.Fatal(err)
	}
	if left := waitingGradients(t, l); len(left) > 0 {
		t.Errorf("%d gradients wait after an update", len(left))
	}
	got := 0.0
	for i, share := range []float64{0.25, 0.75} { // one image and three
		from, to := []int{0, 1}[i], []int{1, 4}[i]
		one := len(whole.Pixels) / 4
		part := engine.Batch{Pixels: whole.Pixels[from*one : to*one], Targets: whole.Targets[from*config.Classes : to*config.Classes], Share: share}
		got += share * backward(t, l, part)
	}
	if math.Abs(got-want) > 1e-14 {
		t.Errorf("loss %.15g, want %.15g", got, want)
	}
	for name, values := range waitingGradients(t, l) {
		if far := distance(values, gradients[name]); !(far < 1e-14) {
			t.Errorf("%s is %g away", name, far)
		}
	}
}

// TestLearner_Paths makes sure that a factor of 2 does what doubled layer scale does, and 0 leaves a branch out.
func TestLearner_Paths(t *testing.T) {
	config := variants(t)["tables of blocks"]
	weights, batch := synth.Weights(config, 0), drawn(config, 2)
	batch.Paths = nil
	for _, factor := range []float64{0, 2} {
		changed := slices.Clone(weights)
		for i, w := range changed {
			if strings.Contains(w.Name, "gamma_") {
				values, err := tensor.Float64s(w.View)
				if err != nil {
					t.Fatal(err)
				}
				for j := range values {
					values[j] *= factor
				}
				changed[i].View = tensor.View{DType: tensor.F64, Shape: w.Shape, Data: tensor.Memory(float64Bytes(values))}
			}
		}
		want := backward(t, newLearner(t, config, changed, engine.TrainOptions{DType: tensor.F64, Threads: 1}), batch)
		paths := batch
		for range 2 * config.Depth * 2 {
			paths.Paths = append(paths.Paths, factor)
		}
		if got := backward(t, newLearner(t, config, weights, engine.TrainOptions{DType: tensor.F64, Threads: 1}), paths); math.Abs(got-want) > 1e-14 {
			t.Errorf("factor %g: loss %.15g, want %.15g", factor, got, want)
		}
	}
}

// TestLearner_Frozen makes sure that frozen parameters stay, the others learn as they did, and no more is computed than that.
func TestLearner_Frozen(t *testing.T) {
	for name, config := range variants(t) {
		for _, recompute := range []bool{false, true} {
			weights, batch := synth.Weights(config, 0), drawn(config, 2)
			free := newLearner(t, config, weights, engine.TrainOptions{DType: tensor.F64, Threads: 1})
			backward(t, free, batch)
			want := waitingGradients(t, free)
			options := engine.TrainOptions{DType: tensor.F64, Threads: 1, Recompute: recompute}
			for _, p := range config.Params() {
				if config.Layer(p.Name) < config.Depth || p.Name == sharedTable { // all but the last block and the head
					options.Frozen = append(options.Frozen, p.Name)
				}
			}
			l := newLearner(t, config, weights, options)
			backward(t, l, batch)
			got := waitingGradients(t, l)
			for name := range want {
				if slices.Contains(options.Frozen, name) {
					delete(want, name)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, recomputed %v: gradients\n%s", name, recompute, diff)
			}
			before := learnt(t, l)
			if _, err := l.Update(t.Context(), step(config, 1)); err != nil {
				t.Fatal(err)
			}
			after := learnt(t, l)
			for _, p := range config.Params() {
				if same := cmp.Equal(before[p.Name], after[p.Name]); same != slices.Contains(options.Frozen, p.Name) {
					t.Errorf("%s: %s stayed: %v", name, p.Name, same)
				}
			}
		}
	}
}

// TestLearner_Clip compares with the norm of all gradients, and the averages that the optimiser keeps of clipped ones.
func TestLearner_Clip(t *testing.T) {
	config := variants(t)["tables of blocks"]
	l := newLearner(t, config, synth.Weights(config, 0), engine.TrainOptions{DType: tensor.F64, Threads: 1})
	backward(t, l, drawn(config, 2))
	squares, gradients := 0.0, waitingGradients(t, l)
	for _, values := range gradients {
		for _, g := range values {
			squares += g * g
		}
	}
	want := math.Sqrt(squares)
	update := step(config, 1)
	update.Clip = want / 4
	got, err := l.Update(t.Context(), update)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got-want) > 1e-12*want {
		t.Errorf("norm %g, want %g", got, want)
	}
	for name, values := range gradients {
		for i, first := range learnt(t, l)["first "+name] {
			if want := 0.1 * values[i] / 4; math.Abs(first-want) > 1e-5*math.Abs(want)+1e-15 {
				t.Fatalf("%s: the average is %g, want %g", name, first, want)
			}
		}
	}
}

// TestLearner_NotFinite makes sure that a gradient that is not finite changes nothing, and is named.
func TestLearner_NotFinite(t *testing.T) {
	config := variants(t)["tables of blocks"]
	weights := synth.Weights(config, 0)
	l := newLearner(t, config, weights, engine.TrainOptions{Threads: 1, Average: true})
	batch := drawn(config, 2)
	trained(t, l, 1, 1, batch)
	want := learnt(t, l)
	batch.Pixels[5] = float32(math.Inf(1))
	_, err := l.Backward(t.Context(), batch)
	bad := (*engine.GradientError)(nil)
	if !errors.As(err, &bad) || !math.IsNaN(bad.Loss) || bad.First != "head.bias" || bad.Bad < 2 || bad.All != len(config.Params()) {
		t.Errorf("%v", err)
	}
	if left := waitingGradients(t, l); len(left) > 0 {
		t.Errorf("%d gradients wait", len(left))
	}
	fine := drawn(config, 2)
	fine.Share = 1e38 // the loss is finite, and gradients of it aren't
	if _, err := l.Backward(t.Context(), fine); err != nil {
		t.Fatal(err)
	}
	bad = nil
	if _, err := l.Update(t.Context(), step(config, 2)); !errors.As(err, &bad) || bad.Loss != 0 || bad.First != "head.bias" || bad.Bad < 2 || bad.Bad > bad.All {
		t.Errorf("%v", err)
	}
	if names := changed(want, learnt(t, l)); len(names) > 0 {
		t.Errorf("something changed: %v differ", names)
	}
	if left := waitingGradients(t, l); len(left) > 0 {
		t.Errorf("%d gradients wait", len(left))
	}
}

// TestLearner_BF16 makes sure that bfloat16 learns what float32 does, within its precision.
func TestLearner_BF16(t *testing.T) {
	compareBF16(t, "cpu")
}

func compareBF16(t *testing.T, device string) {
	t.Helper()
	losses := func(dtype tensor.DType) []float64 {
		return trainTenSteps(t, engine.TrainOptions{DType: dtype, Threads: 1, Device: device})["losses"]
	}
	far := distance(losses(tensor.BF16), losses(tensor.F32))
	if !(far < 2e-3) {
		t.Errorf("losses are up to %g apart", far)
	}
	t.Logf("losses are up to %.2g apart", far)
}

func TestLearner_Errors(t *testing.T) {
	config := variants(t)["tables of blocks"]
	weights := synth.Weights(config, 0)
	for name, c := range map[string]struct {
		options engine.TrainOptions
		want    string
	}{
		"float16":    {engine.TrainOptions{DType: tensor.F16}, "rounded to 0"},
		"device":     {engine.TrainOptions{Device: "tpu"}, `device "tpu"`},
		"frozen":     {engine.TrainOptions{Frozen: []string{"blocks.9.norm1.weight"}}, "no parameter blocks.9.norm1.weight"},
		"all frozen": {engine.TrainOptions{Frozen: names(config)}, "all parameters are frozen"},
	} {
		if _, err := (Engine{}).Train(t.Context(), config, weights, c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	headless := config
	headless.Classes = 0
	if _, err := (Engine{}).Train(t.Context(), headless, synth.Weights(headless, 0), engine.TrainOptions{}); err == nil || !strings.Contains(err.Error(), "only classifiers") {
		t.Errorf("headless: %v", err)
	}
	l := newLearner(t, config, weights, engine.TrainOptions{Threads: 1})
	backward(t, l, drawn(config, 2))
	for name, spoil := range map[string]func(*engine.Batch){
		"pixels":  func(b *engine.Batch) { b.Pixels = b.Pixels[1:] },
		"targets": func(b *engine.Batch) { b.Targets = b.Targets[1:] },
		"paths":   func(b *engine.Batch) { b.Paths = b.Paths[1:] },
	} {
		batch := drawn(config, 2)
		spoil(&batch)
		if _, err := l.Backward(t.Context(), batch); err == nil {
			t.Errorf("%s: no error", name)
		}
		if left := waitingGradients(t, l); len(left) > 0 {
			t.Errorf("%s: %d gradients wait", name, len(left))
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := l.Backward(ended, drawn(config, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
	l.Close()
	l.Close()
	if _, err := l.Backward(t.Context(), drawn(config, 2)); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func names(config arch.Config) (all []string) {
	for _, p := range config.Params() {
		all = append(all, p.Name)
	}
	return all
}

// TestLearner_NothingIsLeft makes sure that neither steps nor learners leave tensors behind.
func TestLearner_NothingIsLeft(t *testing.T) {
	config := variants(t)["tables of blocks"]
	weights, batch := synth.Weights(config, 0), drawn(config, 2)
	before := live.Load()
	for _, recompute := range []bool{false, true} {
		l, err := Engine{}.Train(t.Context(), config, weights, engine.TrainOptions{Threads: 1, Average: true, Recompute: recompute})
		if err != nil {
			t.Fatal(err)
		}
		held := live.Load()
		flat(t, 30, func() { trained(t, l.(*learner), 1, 1, batch) })
		if now := live.Load(); now != held {
			t.Errorf("steps leave %d tensors", now-held)
		}
		l.Close()
	}
	if after := live.Load(); after != before {
		t.Errorf("%d tensors are left", after-before)
	}
}
