package statedict_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/statedict"
)

// module is a whole module with the given attributes beside those that all have.
func module(class string, parameters, parts *pickle.Dict, more ...pickle.Value) *pickle.Record {
	attributes := made(append([]pickle.Value{"_parameters", parameters, "_modules", parts}, more...)...)
	return &pickle.Record{Class: pickle.Global{Module: "nets", Name: class}, State: attributes}
}

func TestChoose_OddModules(t *testing.T) {
	good := module("Part", made("w", weight(1)), made())
	itself := &pickle.Opaque{What: "a value that contains itself"}
	tests := map[string]struct {
		root pickle.Value
		kind error
		says string
	}{
		"a part that keeps its parameters otherwise": {
			module("Net", made(), made("a", good, "b", &pickle.Record{Class: pickle.Global{Module: "nets", Name: "Packed"}})), checkpoint.ErrUnsupported, `"nets.Packed"`,
		},
		"a part that contains the module": {module("Net", made(), made("a", good, "b", itself)), checkpoint.ErrUnsupported, `the part "b" of the module is a value that contains itself`},
		"a parameter that is a number":    {module("Net", made("w", int64(3)), made()), checkpoint.ErrUnsupported, `the parameter "w" of the module`},
		"a quantised parameter": {
			module("Net", made("w", &pickle.Opaque{What: "a quantised tensor", Tensor: true}), made()), checkpoint.ErrUnsupported, `"w" is a quantised tensor`,
		},
		"a name twice":           {module("Net", made("a.w", weight(1)), made("a", good)), checkpoint.ErrMalformed, `"a.w" occurs twice`},
		"a name that is no text": {module("Net", made(int64(1), weight(1)), made()), checkpoint.ErrMalformed, "not a text"},
		"buffers that are no dict": {
			module("Net", made(), made("a", good), "_buffers", list()), checkpoint.ErrUnsupported, `"_buffers" of the module`,
		},
		"unsaved buffers that are no set": {
			module("Net", made(), made("a", good), "_buffers", made("b", weight(1)), "_non_persistent_buffers_set", "b"), checkpoint.ErrUnsupported, "_non_persistent_buffers_set",
		},
		"a part of which the parts were not read": {
			module("Net", made(), made("a", &pickle.Record{Class: pickle.Global{Module: "nets", Name: "Deep"}, State: made(
				"_parameters", made(), "_modules", &pickle.Opaque{What: "a value that is nested too deeply"},
			)})), checkpoint.ErrUnsupported, `the part "a" of the module is an object of class "nets.Deep", in which lies a value that is nested too deeply`,
		},
		"a part that was not read": {
			module("Net", made(), made("a", &pickle.Record{Class: pickle.Global{Module: "nets", Name: "Deep"}, State: itself})), checkpoint.ErrUnsupported,
			`"nets.Deep", in which lies a value that contains itself`,
		},
		"under a key": {made("model", module("Net", made(), made("b", itself)), "epoch", int64(1)), checkpoint.ErrUnsupported, "contains itself"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := statedict.Choose(test.root, statedict.Options{FileSize: 1 << 20})
			var problem *checkpoint.Error
			if !errors.As(err, &problem) || !errors.Is(err, test.kind) || !strings.Contains(problem.Reason, test.says) {
				t.Errorf("got %v, want %v with %q", err, test.kind, test.says)
			}
		})
	}
}

// TestChoose_SharedModules has 2 to the power of 30 parts in a kilobyte.
func TestChoose_SharedModules(t *testing.T) {
	w := picklegen.New(2)
	whole := func(fill func()) {
		w.Global("nets", "Net").Op(')', 0x81).Dict(func(w *picklegen.Writer) {
			w.Text("_parameters").Op('}').Text("_modules").Op('}', '(')
			fill()
			w.Op('u')
		}).Op('b')
	}
	var nest func(depth int)
	nest = func(depth int) {
		whole(func() {
			if depth == 0 {
				return
			}
			w.Text("a")
			nest(depth - 1)
			w.Op('q', byte(depth)).Text("b").Op('h', byte(depth))
		})
	}
	nest(30)
	content := w.Stop()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := open(content)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, checkpoint.ErrUnsafe) || !strings.Contains(err.Error(), "parts") {
		t.Errorf("got %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > mostAllocated {
		t.Errorf("%d bytes were allocated for a file of %d", used, len(content))
	}
}

// TestChoose_ManyModulesWithSharedParts has whole modules that are small alone, and have the same parts: together they are not small.
func TestChoose_ManyModulesWithSharedParts(t *testing.T) {
	level := module("Net", made("a", weight(1), "b", weight(1), "c", weight(1), "d", weight(1)), made())
	for range 6 {
		level = module("Net", made(), made("a", level, "b", level, "c", level, "d", level))
	}
	var entries []pickle.Value
	for i := range 40 {
		entries = append(entries, fmt.Sprintf("x%d", i), module("Net", made(), made("a", level)))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := statedict.Choose(made(entries...), statedict.Options{FileSize: 1 << 20})
	runtime.ReadMemStats(&after)
	if !errors.Is(err, checkpoint.ErrNoModel) && !errors.Is(err, checkpoint.ErrUnsafe) {
		t.Errorf("got %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > mostAllocated {
		t.Errorf("%d bytes were allocated for 40 modules", used)
	}
}

// TestChoose_SharedNamesOfUnsavedBuffers has a long set of names, which each of 5,000 modules has.
func TestChoose_SharedNamesOfUnsavedBuffers(t *testing.T) {
	names := make([]pickle.Value, 50_000)
	for i := range names {
		names[i] = fmt.Sprintf("%0200d", i)
	}
	unsaved := list(names...)
	var parts []pickle.Value
	for i := range 5000 {
		part := module("Net", made("w", weight(1)), made(), "_buffers", made("b", weight(1), names[i], weight(1)), "_non_persistent_buffers_set", unsaved)
		parts = append(parts, fmt.Sprint(i), part)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	found, err := statedict.Choose(module("Net", made(), made(parts...)), statedict.Options{FileSize: 1 << 20})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if want := "5000 buffers"; !strings.Contains(strings.Join(found.Notes, "\n"), want) || len(found.Tensors) != 10_000 {
		t.Errorf("%d tensors and the notes %q, want 10000 and %q", len(found.Tensors), found.Notes, want)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > mostAllocated {
		t.Errorf("%d bytes were allocated", used)
	}
}

// configured is a whole module with configurations in some parts, and that of its own.
func configured(config pickle.Value, parts ...pickle.Value) *pickle.Record {
	return module("BeitModel", made("w", weight(1)), made(parts...), "config", config)
}

func settings(keysAndValues ...pickle.Value) *pickle.Record {
	return &pickle.Record{Class: pickle.Global{Module: "transformers", Name: "BeitConfig"}, State: made(keysAndValues...)}
}

// What modules tell is all there, said to be unread, or too much: never silently less, which would tell of another model.
func TestChoose_ToldOrUnread(t *testing.T) {
	t.Parallel()
	deep := &pickle.Opaque{What: "a value that is nested too deeply"}
	gelu := pickle.Global{Module: "nets", Name: "GELU"}
	state := made("approximate", "none")
	for name, c := range map[string]struct {
		value pickle.Value
		want  any
	}{
		"a number":              {int64(3), int64(3)},
		"a long text":           {strings.Repeat("x", 5000), checkpoint.Unread("not what belongs there (text)")},
		"a pair":                {tuple(int64(3), 0.5), []any{int64(3), 0.5}},
		"a long list":           {list(make([]pickle.Value, 100)...), checkpoint.Unread("not what belongs there (a list)")},
		"a list with a list":    {list(list()), []any{checkpoint.Unread("not what belongs there (a list)")}},
		"names":                 {made(int64(0), "ant", "1", "bee"), map[string]any{"0": "ant", "1": "bee"}},
		"a name twice":          {made(int64(0), "ant", "0", "bee"), checkpoint.Unread("not what belongs there (a dict)")},
		"names that are none":   {made(int64(0), "ant", int64(1), int64(2)), checkpoint.Unread("not what belongs there (a dict)")},
		"what was not read":     {deep, checkpoint.Unread(deep.What)},
		"a function":            {&gelu, checkpoint.Object{Class: "nets.GELU"}},
		"an object":             {&pickle.Record{Class: gelu, State: state}, checkpoint.Object{Class: "nets.GELU", Attributes: map[string]any{"approximate": "none"}}},
		"a half read one":       {&pickle.Record{Class: gelu, State: deep}, checkpoint.Object{Class: "nets.GELU", Partly: "in a form of its own"}},
		"one of protocol 1":     {&pickle.Record{Class: gelu, Args: []pickle.Value{nil}}, checkpoint.Object{Class: "nets.GELU"}},
		"one made by arguments": {&pickle.Record{Class: gelu, Args: []pickle.Value{"tanh"}}, checkpoint.Object{Class: "nets.GELU", Partly: "made with arguments of which it is not known what they set"}},
		"one with slots":        {&pickle.Record{Class: gelu, State: tuple(nil, made("approximate", "tanh"))}, checkpoint.Object{Class: "nets.GELU", Partly: "in a form of its own"}},
		"one with both": {
			&pickle.Record{Class: gelu, State: tuple(state, made("approximate", "tanh"))},
			checkpoint.Object{Class: "nets.GELU", Attributes: map[string]any{"approximate": "none"}, Partly: "saved with slots, which can set what its attributes do not"},
		},
	} {
		found, err := statedict.Choose(module("Net", made("w", weight(1)), made(), "act", c.value), statedict.Options{FileSize: 1 << 20})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, found.Modules[0].Attributes["act"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestChoose_SharedSettings has configurations that are small as they share what lies in them, and endless if each had its own.
func TestChoose_SharedSettings(t *testing.T) {
	t.Parallel()
	long := list(make([]pickle.Value, 1000)...)
	for i := range long.Items {
		long.Items[i] = strings.Repeat("x", 900)
	}
	many := made()
	var entries []pickle.Entry
	for i := range 20_000 {
		entries = append(entries, pickle.Entry{Key: int64(i), Value: long.Items[0]})
	}
	if err := many.Reset(entries); err != nil {
		t.Fatal(err)
	}
	one := settings("id2label", made(int64(0), "ant"), "unknown", list(long, long, long))
	var parts, others []pickle.Value
	for i := range 2000 {
		parts = append(parts, fmt.Sprint(i), configured(one))
		others = append(others, fmt.Sprint(i), configured(settings("id2label", many)))
	}
	found, err := statedict.Choose(configured(one, parts...), statedict.Options{FileSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	want := checkpoint.Object{Class: "transformers.BeitConfig", Attributes: map[string]any{"id2label": map[string]any{"0": "ant"}}}
	if diff := cmp.Diff(want, found.Modules[2000].Attributes["config"]); diff != "" {
		t.Error(diff)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	found, err = statedict.Choose(configured(one, others...), statedict.Options{FileSize: 1 << 20})
	runtime.ReadMemStats(&after)
	if !errors.Is(err, checkpoint.ErrUnsafe) || !strings.Contains(err.Error(), "settings of the modules") {
		t.Errorf("got %v, %v", found, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > mostAllocated {
		t.Errorf("%d bytes were allocated", used)
	}
}
