package statedict_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/statedict"
	"github.com/beitzoo/beitzoo/tensor"
)

// weight is a tensor of n elements; its size identifies it in tests.
func weight(n int) *pickle.Array {
	return &pickle.Array{View: tensor.View{DType: tensor.U8, Shape: tensor.Shape{n}, Data: tensor.Memory(make([]byte, n))}}
}

func tuple(items ...pickle.Value) *pickle.Tuple { return &pickle.Tuple{Items: items} }

func list(items ...pickle.Value) *pickle.List { return &pickle.List{Items: items} }

// made returns a dict of alternating keys and values.
func made(keysAndValues ...pickle.Value) *pickle.Dict {
	var entries []pickle.Entry
	for i := 0; i < len(keysAndValues); i += 2 {
		entries = append(entries, pickle.Entry{Key: keysAndValues[i], Value: keysAndValues[i+1]})
	}
	d := &pickle.Dict{}
	if err := d.Reset(entries); err != nil {
		panic(err)
	}
	return d
}

var (
	paddleOptimizer = made("linear_0.w_0_moment1_0", weight(1), "linear_0.w_0_moment2_0", weight(1), "linear_0.w_0_beta1_pow_acc_0", weight(1),
		"LR_Scheduler", made("last_epoch", int64(3)))
	torchOptimizer = made("state", made(int64(0), made("exp_avg", weight(1))), "param_groups", list())
)

func TestChoose(t *testing.T) {
	model := made("a", weight(1), "b", weight(2))
	ema := made("a", weight(3), "b", weight(4))
	tests := []struct {
		name    string
		root    pickle.Value
		ask     string
		wrapper string
		// want has names and sizes.
		want  string
		notes []string
	}{
		{"bare", model, "", "", "a1 b2", nil},
		{"bare with other entries", made("a", weight(1), "epoch", int64(3), "c", nil), "", "", "a1", []string{`left out: "epoch", "c"`}},
		{"pairs of name and array", made("a", tuple("linear_0.w_0", weight(1)), "b", tuple("x", "y")), "", "", "a1", []string{`left out: "b"`}},
		{"model", made("model", model), "", "model", "a1 b2", nil},
		{"module", made("module", model), "", "module", "a1 b2", nil},
		{"state_dict", made("state_dict", model, "epoch", int64(3)), "", "state_dict", "a1 b2", []string{`left out: "epoch"`}},
		{"meta with names", made("state_dict", model, "meta", made("CLASSES", tuple("x", "y"), "seed", int64(3)), "epoch", int64(3)), "", "state_dict", "a1 b2", []string{`left out: "meta" (but for "CLASSES"), "epoch"`}},
		{"meta with no palette", made("state_dict", model, "meta", made("PALETTE", "blue")), "", "state_dict", "a1 b2", []string{`left out: "meta"`}},
		{"model before module", made("module", ema, "model", model), "", "model", "a1 b2", []string{`"module" holds another 2 tensors, which can be selected by that name`}},
		{"nested", made("model", made("state_dict", model)), "", "model.state_dict", "a1 b2", nil},
		{
			"training", made("model", model, "optimizer", torchOptimizer, "epoch", int64(3), "args", &pickle.Record{}), "", "model", "a1 b2",
			[]string{`left out: "optimizer" (1 tensors), "epoch", "args"`},
		},
		{
			"training of Paddle", made("epoch", int64(3), "state_dict", model, "optimizer", paddleOptimizer), "", "state_dict", "a1 b2",
			[]string{`left out: "epoch", "optimizer" (3 tensors)`},
		},
		{
			"moving average beside", made("model_ema", ema, "model", model), "", "model", "a1 b2",
			[]string{`"model_ema" holds another 2 tensors, which can be selected by that name`},
		},
		{
			"moving average on request", made("model_ema", ema, "model", model), "model_ema", "model_ema", "a3 b4",
			[]string{`"model" holds another 2 tensors, which can be selected by that name`},
		},
		{"moving average inside on request", made("x", made("model_ema.v2", made("state_dict", ema))), "x.model_ema.v2", "x.model_ema.v2.state_dict", "a3 b4", nil},
		{
			"teacher and student on request", made("student", ema, "teacher", model), "teacher", "teacher", "a1 b2",
			[]string{`"student" holds another 2 tensors, which can be selected by that name`},
		},
		{
			"a prefix of names", made("state_dict", made("model.a", weight(1), "model.b", weight(2), "ema_model.a", weight(3), "criterion.weight", weight(4), "n", int64(1))), "ema_model",
			"state_dict.ema_model", "a3",
			[]string{
				`took the 1 tensor whose names begin with "ema_model.", and removed that`,
				`left out: 2 tensors whose names begin with "model.", "criterion.weight"`,
			},
		},
		{
			"a prefix of names below a key", made("state_dict", made("model.a", weight(1), "ema_model.a", weight(3)), "epoch", int64(1)), "state_dict.ema_model.",
			"state_dict.ema_model", "a3",
			[]string{
				`left out: "epoch"`, `took the 1 tensor whose names begin with "ema_model.", and removed that`, `left out: "model.a"`,
			},
		},
		{
			"a key before a prefix", made("ema", made("a", weight(3)), "model", made("ema.a", weight(1))), "ema", "ema", "a3",
			[]string{`"model" holds another 1 tensor, which can be selected by that name`},
		},
		{"a teacher alone", made("teacher", model, "epoch", int64(1)), "", "teacher", "a1 b2", []string{`left out: "epoch"`}},
		{"a student alone", made("student", model), "", "student", "a1 b2", nil},
		{
			"an average without names", made("model", model, "ema", made("decay", 0.9, "shadow_params", list(weight(1), weight(2)))), "", "model", "a1 b2",
			[]string{`left out: "ema" (2 tensors)`},
		},
		{"a tuple of a model and something", tuple(model, made("epoch", int64(1))), "", "0", "a1 b2", []string{`left out: "1"`}},
		{"one of a list", list(model, ema), "1", "1", "a3 b4", []string{`"0" holds another 2 tensors, which can be selected by that name`}},
		{"the only candidate", made("my_network", model, "epoch", int64(1)), "", "my_network", "a1 b2", []string{`left out: "epoch"`}},
		{"names stay as they are", made("module.a", weight(1), "module.b", weight(2)), "", "", "module.a1 module.b2", nil},
		{"a parameter called model", made("model", weight(1), "a", weight(2)), "", "", "model1 a2", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			found, err := statedict.Choose(test.root, statedict.Options{Select: test.ask})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, one := range found.Tensors {
				got = append(got, one.Name+one.Value.(*pickle.Array).Shape.String()[1:2])
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
			if found.Wrapper != test.wrapper {
				t.Errorf("wrapper %q, want %q", found.Wrapper, test.wrapper)
			}
			if diff := cmp.Diff(test.notes, found.Notes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChoose_NamesOthers(t *testing.T) {
	model, ema := made("a", weight(1)), made("a", weight(3))
	root := made("run", made("model", model, "model_ema", ema, "optimizer", torchOptimizer, "epoch", int64(3)))
	for _, test := range []struct{ ask, wrapper, other string }{
		{"", "run.model", "run.model_ema"},
		{"run.model_ema", "run.model_ema", "run.model"},
	} {
		found, err := statedict.Choose(root, statedict.Options{Select: test.ask})
		if err != nil {
			t.Fatal(err)
		}
		if found.Wrapper != test.wrapper || !slices.Equal(found.Others, []string{test.other}) {
			t.Errorf("%q: %q was chosen, others are %q", test.ask, found.Wrapper, found.Others)
		}
	}
}

func TestChoose_FindsNoModel(t *testing.T) {
	model := made("a", weight(1))
	tests := []struct {
		name       string
		root       pickle.Value
		ask        string
		kind       error
		says, hint string
	}{
		{"optimizer of Paddle", paddleOptimizer, "", checkpoint.ErrNoModel, "the state of an optimizer, not a model", ".pdparams"},
		{"optimizer of torch", torchOptimizer, "", checkpoint.ErrNoModel, "the state of an optimizer, not a model", ".pdparams"},
		{"optimizer alone in a wrapper", made("optimizer", torchOptimizer, "epoch", int64(1)), "", checkpoint.ErrNoModel, "training run, but no model", ".pdparams"},
		{"optimizer on request", made("model", model, "optimizer", paddleOptimizer), "optimizer", checkpoint.ErrNoModel, "state of an optimizer", `in this very file, under "model"`},
		{"plain optimizer without accumulators", made("LR_Scheduler", made("last_epoch", int64(1))), "", checkpoint.ErrNoModel, "training run, but no model", ".pdparams"},
		{"moving average alone", made("model_ema", model), "", checkpoint.ErrNoModel, `moving averages of the weights: "model_ema"`, "select it by its name"},
		{"two candidates", made("first", model, "second", model), "", checkpoint.ErrNoModel, `several sets of tensors: "first", "second"`, "select one of them"},
		{"a teacher and a student", made("student", model, "teacher", model), "", checkpoint.ErrNoModel, `several sets of tensors: "teacher", "student"`, "select one of them"},
		{"a list of state dicts", list(model, model), "", checkpoint.ErrNoModel, `several sets of tensors: "0", "1"`, "select one of them"},
		{
			"a module that torch.compile wrapped", &pickle.Record{Class: pickle.Global{Module: "torch._dynamo.eval_frame", Name: "OptimizedModule"}, State: made("a", model)}, "",
			checkpoint.ErrNoModel, `"torch._dynamo.eval_frame.OptimizedModule" that keeps its parts in a way of its own`, "state_dict()",
		},
		{"no such key", made("model", model), "ema", checkpoint.ErrNoModel, `nothing called "ema"`, `"model"`},
		{"no such prefix", made("model", made("net.a", weight(1), "net.b", weight(1), "ema.a", weight(1), "ema.b", weight(1))), "emb", checkpoint.ErrNoModel, `nothing called "emb"`, `it has the keys "model", and names that begin with "net", "ema"`},
		{"half of a prefix", made("model", made("ema_model.a", weight(1), "ema_model.b", weight(1))), "ema", checkpoint.ErrNoModel, `nothing called "ema"`, `begin with "ema_model"`},
		{"a key that is not a dict", made("epoch", int64(1)), "epoch", checkpoint.ErrNoModel, `"epoch" is not a dict of tensors, but a number`, "state dict"},
		{"a number beside a model", made("model", model, "epoch", int64(1)), "epoch", checkpoint.ErrNoModel, `"epoch" is not a dict of tensors, but a number`, `under "model"`},
		{"nothing beside a model", made("model", model, "head", nil), "head", checkpoint.ErrNoModel, `"head" is not a dict of tensors, but None`, `under "model"`},
		{"an empty dict beside a model", made("model", model, "head", made()), "head", checkpoint.ErrNoModel, `"head" holds no tensors with names: it is an empty dict`, `under "model"`},
		{
			"a dict of settings beside a model", made("model", model, "head", made("type", "linear", "n", int64(3))), "head", checkpoint.ErrNoModel,
			`it is a dict without tensors, which has "type", "n"`, `under "model"`,
		},
		{
			"tensors under numbers beside a model", made("model", model, "head", made(int64(0), weight(1))), "head", checkpoint.ErrNoModel,
			`it is a dict in which 1 tensor lies without names of parameters`, `under "model"`,
		},
		{"a tensor beside a model", made("model", model, "head", weight(3)), "head", checkpoint.ErrNoModel, `but one tensor of shape [3]`, `under "model"`},
		{"a list beside a model", made("model", model, "head", list(weight(3))), "head", checkpoint.ErrNoModel, `but a list of 1 tensor without names`, `under "model"`},
		{"a list of nothing beside a model", made("model", model, "head", list("a")), "head", checkpoint.ErrNoModel, `but a list without tensors`, `under "model"`},
		{
			"a function beside a model", made("model", model, "head", &pickle.Global{Module: "torch.nn", Name: "Linear"}), "head", checkpoint.ErrNoModel,
			`the class or function "torch.nn.Linear"`, `under "model"`,
		},
		{"what has no model below a key", made("run", made("model", model, "head", int64(1))), "run.head", checkpoint.ErrNoModel, `"run.head" is not a dict`, `under "run.model"`},
		{"two candidates below a key", made("model", made("first", model, "second", model)), "", checkpoint.ErrNoModel, `"model" holds several sets of tensors: "first", "second"`, "select one"},
		{"no tensors", made("epoch", int64(1)), "", checkpoint.ErrNoModel, "no tensors", "state dict"},
		{"an empty dict", made(), "", checkpoint.ErrNoModel, "no tensors", "state dict"},
		{"one tensor", weight(3), "", checkpoint.ErrNoModel, "one tensor without a name", "state dict"},
		{"one pair", tuple("linear_0.w_0", weight(3)), "", checkpoint.ErrNoModel, "without the name of its parameter", "state dict"},
		{"a list of tensors", list(weight(1), weight(2)), "", checkpoint.ErrNoModel, "a list of 2 tensors", "state dict"},
		{"an object", &pickle.Record{Class: pickle.Global{Module: "dall_e.encoder", Name: "Encoder"}}, "", checkpoint.ErrNoModel, `"dall_e.encoder.Encoder"`, "state dict"},
		{"a number", int64(1), "", checkpoint.ErrNoModel, "no tensors", "state dict"},
		{"tensors under numbers", made(int64(0), weight(1)), "", checkpoint.ErrNoModel, "no tensors", "state dict"},
		{
			"a parameter that cannot be read", made("a", weight(1), "b", &pickle.Opaque{What: "a tensor of type \"torch.float8\"", Tensor: true}), "",
			checkpoint.ErrUnsupported, `parameter "b" is a tensor of type`, "",
		},
		{"more than the file can hold", made("a", &pickle.TorchTensor{DType: tensor.F32, Shape: tensor.Shape{1 << 29}}), "", checkpoint.ErrUnsafe, "sum up to more", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := statedict.Choose(test.root, statedict.Options{Select: test.ask, FileSize: 100})
			var problem *checkpoint.Error
			if !errors.Is(err, test.kind) || !errors.As(err, &problem) {
				t.Fatalf("got %v, want %v", err, test.kind)
			}
			if !strings.Contains(problem.Reason, test.says) {
				t.Errorf("%q does not say %q", problem.Reason, test.says)
			}
			if !strings.Contains(problem.Hint(), test.hint) {
				t.Errorf("the hint %q does not say %q", problem.Hint(), test.hint)
			}
		})
	}
}

// TestChoose_DoesNotMultiplyWork has 2,000 keys that share a dict of 2,000 tensors, and a chain of dicts that stands for 2^60 tensors.
func TestChoose_DoesNotMultiplyWork(t *testing.T) {
	shared := made()
	for i := range 2000 {
		shared.Entries = append(shared.Entries, pickle.Entry{Key: strings.Repeat("a", i%7) + string(rune(0x4e00+i)), Value: weight(1)})
	}
	root := made()
	for i := range 2000 {
		root.Entries = append(root.Entries, pickle.Entry{Key: string(rune(0x4e00 + i)), Value: shared})
	}
	for _, d := range []*pickle.Dict{shared, root} {
		if err := d.Reset(d.Entries); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := statedict.Choose(root, statedict.Options{}); !errors.Is(err, checkpoint.ErrNoModel) {
		t.Error(err)
	}
	chain := made("w", weight(1))
	for range 60 {
		chain = made("x", chain, "y", chain)
	}
	if _, err := statedict.Choose(chain, statedict.Options{}); !errors.Is(err, checkpoint.ErrNoModel) {
		t.Error(err)
	}
}

// TestChoose_Stated finds what a training program says of the model beside its state dict, where it is plain data; anything else is left out as ever.
func TestChoose_Stated(t *testing.T) {
	t.Parallel()
	root := made(
		"state_dict", made("a", weight(1)),
		"meta", made("CLASSES", tuple("ant", "bee"), "dataset_meta", made("classes", list("ant", "bee")), "cfg", "classes = 3"),
		"config", made("id2label", made(int64(1), "bee", int64(0), "ant"), "model", made("layer_norm_eps", 1e-5)),
		"text", made("id2label", made("0", "ant", "1", "bee")),
		"gap", made("id2label", made(int64(0), "ant", int64(2), "bee")),
		"twice", made("id2label", made(int64(0), "ant", "0", "bee")),
		"odd", made("classes", list("ant", int64(3))),
		"none", made("classes", list()),
		"long", made("classes", list(strings.Repeat("x", 1001))),
	)
	found, err := statedict.Choose(root, statedict.Options{FileSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	both := []string{"ant", "bee"}
	want := []checkpoint.Statement{
		{Path: "meta.CLASSES", Labels: both},
		{Path: "meta.dataset_meta.classes", Labels: both},
		{Path: "config.id2label", Labels: both},
		{Path: "config.model.layer_norm_eps", Epsilon: 1e-5},
		{Path: "text.id2label", Labels: both},
	}
	if diff := cmp.Diff(want, found.Stated); diff != "" {
		t.Error(diff)
	}
}

// TestChoose_StatedOfSegmenters finds colours of classes and the text of a configuration, and says of what is not such a thing that it is none.
func TestChoose_StatedOfSegmenters(t *testing.T) {
	t.Parallel()
	const text = "model = dict(backbone=dict(out_indices=[3, 5, 7, 11]))"
	root := made(
		"state_dict", made("a", weight(1)),
		"meta", made(
			"PALETTE", list(list(int64(1), int64(2), int64(3)), tuple(int64(-4), int64(500), int64(6))), "config", text,
			"dataset_meta", made("palette", list(list(int64(1), int64(2)))), "cfg", strings.Repeat(text, 30000),
		),
		"other", made("palette", "red", "config", "classes = 3", "cfg", made("a", int64(1))),
		"odd", made("palette", list(list(int64(1), 0.5, int64(3)))),
		"none", made("palette", nil),
	)
	found, err := statedict.Choose(root, statedict.Options{FileSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	const noColours = "is not a list of colours, three whole numbers each"
	want := []checkpoint.Statement{
		{Path: "meta.PALETTE", Palette: [][3]int64{{1, 2, 3}, {-4, 500, 6}}},
		{Path: "meta.config", Config: text},
		{Path: "meta.dataset_meta.palette", Problem: noColours},
		{Path: "meta.cfg", Problem: "is a configuration of 1620000 bytes; at most 1048576 are read"},
		{Path: "other.palette", Problem: noColours},
		{Path: "odd.palette", Problem: noColours},
	}
	if diff := cmp.Diff(want, found.Stated); diff != "" {
		t.Error(diff)
	}
}

// TestChoose_OffersWhatCanBeSelected selects each of the keys that an error offers: it must lead to tensors, in files of which only one level or the wrong one would
// be offered easily.
func TestChoose_OffersWhatCanBeSelected(t *testing.T) {
	t.Parallel()
	model, settings := made("net.a", weight(1), "net.b", weight(1)), made("lr", 0.1)
	for _, test := range []struct {
		name string
		root pickle.Value
		ask  string
		want []string
	}{
		{"averages below a key", made("ema", made("ema_state_dict", model)), "", []string{"ema"}},
		{"averages below another key", made("callbacks", made("hook", made("ema_state_dict", model))), "callbacks", []string{"callbacks.hook.ema_state_dict"}},
		{"two below a wrapper", made("model", made("first", model, "second", model)), "", []string{"model.first", "model.second"}},
		{"a teacher and a student below a wrapper", made("model", made("teacher", model, "student", model)), "", []string{"model.teacher", "model.student"}},
		{"a number beside a model", made("run", made("model", model, "epoch", int64(1))), "run.epoch", []string{"run.model"}},
		{"nothing of that name", made("model", model, "optimizer", torchOptimizer, "args", settings, "epoch", int64(1)), "ema", []string{"model", "net"}},
		{"nothing of that name below a key", made("run", made("model", model, "args", settings)), "run.ema", []string{"run.model", "run.net"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := statedict.Choose(test.root, statedict.Options{Select: test.ask})
			problem := (*checkpoint.Error)(nil)
			if !errors.As(err, &problem) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(test.want, problem.Keys); diff != "" {
				t.Error(diff)
			}
			for _, key := range problem.Keys {
				if found, err := statedict.Choose(test.root, statedict.Options{Select: key}); err != nil || len(found.Tensors) == 0 {
					t.Errorf("%q: %v", key, err)
				}
			}
		})
	}
}
