package pickle_test

import (
	"context"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
)

func load(t *testing.T, content []byte) pickle.Value {
	t.Helper()
	document, err := pickle.Load(context.Background(), content, 0, pickle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return document.Root
}

// equal compares values; the index of a Dict follows from its entries.
func equal(t *testing.T, want, got pickle.Value) {
	t.Helper()
	options := cmp.Options{
		cmpopts.IgnoreUnexported(pickle.Dict{}),
		cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 }),
		cmpopts.EquateEmpty(),
	}
	if diff := cmp.Diff(want, got, options); diff != "" {
		t.Error(diff)
	}
}

func tuple(items ...pickle.Value) *pickle.Tuple { return &pickle.Tuple{Items: items} }

func list(items ...pickle.Value) *pickle.List { return &pickle.List{Items: items} }

func dict(keysAndValues ...pickle.Value) *pickle.Dict {
	d := &pickle.Dict{}
	for i := 0; i < len(keysAndValues); i += 2 {
		d.Entries = append(d.Entries, pickle.Entry{Key: keysAndValues[i], Value: keysAndValues[i+1]})
	}
	return d
}

func TestValues(t *testing.T) {
	big128, _ := new(big.Int).SetString("-170141183460469231731687303715884105728", 10)
	min128 := "\x8a\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
	tests := []struct {
		name    string
		content []byte
		want    pickle.Value
	}{
		{"None", picklegen.New(2).None().Stop(), nil},
		{"bool", picklegen.New(2).Bool(true).Stop(), true},
		{"bool of protocol 0", []byte("I01\n."), true},
		{"int", picklegen.New(2).Int(-5).Stop(), int64(-5)},
		{"int of protocol 0", []byte("I-12\n."), int64(-12)},
		{"long of protocol 0", []byte("L-12L\n."), int64(-12)},
		{"long of protocol 0 beyond 64 bits", []byte("L-170141183460469231731687303715884105728L\n."), big128},
		{"long of 8 bytes", picklegen.New(2).Int(math.MaxInt).Stop(), int64(math.MaxInt)},
		{"long of 16 bytes", picklegen.New(2).Raw(min128).Stop(), big128},
		{"LONG1 of no bytes", picklegen.New(2).Op(0x8a, 0).Stop(), int64(0)},
		{"LONG4 of no bytes", picklegen.New(2).Op(0x8b).U32(0).Stop(), int64(0)},
		{"LONG4", picklegen.New(2).Op(0x8b).U32(2).Op(0xff, 0xff).Stop(), int64(-1)},
		{"float", picklegen.New(2).Float(0.25).Stop(), 0.25},
		{"float of protocol 0", []byte("F0.25\n."), 0.25},
		{"text", picklegen.New(2).Text("β").Stop(), "β"},
		{"text of protocol 4", picklegen.New(4).Text("β").Stop(), "β"},
		{"text of protocol 0", []byte("Vabc\n."), "abc"},
		{"str of Python 2", picklegen.New(2).String([]byte("\xe9t\xe9")).Stop(), "été"},
		{"str of protocol 0", []byte("S'abc'\n."), "abc"},
		{"bytes of protocol 2", picklegen.New(2).Bytes([]byte{0, 0x7f, 0x80, 0xff}).Stop(), []byte{0, 0x7f, 0x80, 0xff}},
		{"bytes of protocol 3", picklegen.New(3).Bytes([]byte{0, 0xff}).Stop(), []byte{0, 0xff}},
		{"no bytes of protocol 2", picklegen.New(2).Bytes(nil).Stop(), []byte{}},
		{"bytearray", picklegen.New(5).ByteArray([]byte{1, 2}).Op(0x98).Stop(), []byte{1, 2}},
		{"bytearray of protocol 2", picklegen.New(2).Call("__builtin__", "bytearray", func(w *writer) { w.Text("\u00ff").Text("latin-1") }).Stop(), []byte{0xff}},
		{"long text", picklegen.New(4).Text(strings.Repeat("x", 256)).Stop(), &pickle.Opaque{What: "text", Length: 256}},
		{"long bytes", picklegen.New(4).Bytes(make([]byte, 300)).Stop(), &pickle.Opaque{What: "bytes", Length: 300}},
		{"long bytes of protocol 2", picklegen.New(2).Bytes(make([]byte, 300)).Stop(), &pickle.Opaque{What: "bytes", Length: 300}},
		{"tuple", picklegen.New(2).Ints(1, 2, 3, 4).Stop(), tuple(int64(1), int64(2), int64(3), int64(4))},
		{
			"tuples by number", picklegen.New(2).Int(1).Op(0x85).Int(2).Op(0x86).Int(3).Int(4).Op(0x87).Stop(),
			tuple(tuple(tuple(int64(1)), int64(2)), int64(3), int64(4)),
		},
		{"empty tuple", picklegen.New(2).Op(')').Stop(), tuple()},
		{"list", picklegen.New(2).List(func(w *writer) { w.Int(1).None() }).Stop(), list(int64(1), nil)},
		{"list by APPEND", picklegen.New(2).Op(']').Int(1).Op('a').Stop(), list(int64(1))},
		{"list by MARK", picklegen.New(2).Op('(').Int(1).Op('l').Stop(), list(int64(1))},
		{"set", picklegen.New(4).Op(0x8f, '(').Int(1).Op(0x90).Stop(), list(int64(1))},
		{"set of bytes", picklegen.New(4).Op(0x8f, '(').Bytes([]byte("x")).Op(0x90).Stop(), list([]byte("x"))},
		{"frozenset", picklegen.New(4).Op('(').Bytes([]byte("x")).Op(0x91).Stop(), list([]byte("x"))},
		{"set of protocol 2", picklegen.New(2).Call("__builtin__", "set", func(w *writer) { w.List(func(w *writer) { w.Int(1) }) }).Stop(), list(int64(1))},
		{"dict", picklegen.New(2).Dict(func(w *writer) { w.Text("a").Int(1).Int(2).None() }).Stop(), dict("a", int64(1), int64(2), nil)},
		{"dict by MARK", picklegen.New(2).Op('(').Text("a").Int(1).Op('d').Stop(), dict("a", int64(1))},
		{"dict by SETITEM", picklegen.New(2).Op('}').Text("a").Int(1).Op('s').Stop(), dict("a", int64(1))},
		{"POP", picklegen.New(2).Int(1).Int(2).Op('0').Stop(), int64(1)},
		{"POP of a MARK", picklegen.New(2).Int(1).Op('(', '0').Stop(), int64(1)},
		{"POP_MARK", picklegen.New(2).Int(1).Op('(').Int(2).Op('1').Stop(), int64(1)},
		{"DUP", picklegen.New(2).Int(1).Op('2', 0x86).Stop(), tuple(int64(1), int64(1))},
		{"memo", picklegen.New(2).Text("a").Op('q', 3, 'h', 3, 'j').U32(3).Op(0x87).Stop(), tuple("a", "a", "a")},
		{"memo of protocol 0", picklegen.New(2).Text("a").Raw("p3\ng3\n").Op(0x86).Stop(), tuple("a", "a")},
		{"memo of protocol 4", picklegen.New(4).Text("a").Op(0x94).Text("b").Op(0x94, 'h', 0, 'h', 1).Op(0x86, 0x87).Stop(), tuple("a", "b", tuple("a", "b"))},
		{"frames", picklegen.New(4).Op(0x95).U64(3).Op('K', 1, 0x95).U64(0).Op('0', 'N').Stop(), nil},
		{"OrderedDict", picklegen.New(2).Call("collections", "OrderedDict", func(*writer) {}).Op('(').Text("a").Int(1).Op('u').Stop(), dict("a", int64(1))},
		{"OrderedDict of pairs", picklegen.New(2).Call("collections", "OrderedDict", func(w *writer) {
			w.List(func(w *writer) { w.Tuple(func(w *writer) { w.Text("a").Int(1) }) })
		}).Stop(), dict("a", int64(1))},
		{"OrderedDict with metadata", picklegen.New(2).Call("collections", "OrderedDict", func(*writer) {}).Dict(func(w *writer) {
			w.Text("_metadata").Op('}')
		}).Op('b').Stop(), dict()},
		{"defaultdict", picklegen.New(2).Call("collections", "defaultdict", func(w *writer) { w.Global("builtins", "list") }).Text("a").Int(1).Op('s').Stop(), dict("a", int64(1))},
		{"Counter", picklegen.New(2).Call("collections", "Counter", func(w *writer) { w.Dict(func(w *writer) { w.Text("a").Int(1) }) }).Stop(), dict("a", int64(1))},
		{"a class as a value", picklegen.New(2).Global("training", "Model").Stop(), &pickle.Global{Module: "training", Name: "Model"}},
		{
			"argparse.Namespace", picklegen.New(2).Global("argparse", "Namespace").Op(')', 0x81).Dict(func(w *writer) { w.Text("lr").Float(0.5) }).Op('b').Stop(),
			&pickle.Record{Class: pickle.Global{Module: "argparse", Name: "Namespace"}, State: dict("lr", 0.5)},
		},
		{
			"NEWOBJ_EX", picklegen.New(4).Global("training", "Config").Op(')', '}', 0x92).Stop(),
			&pickle.Record{Class: pickle.Global{Module: "training", Name: "Config"}},
		},
		{
			"a class derived from dict", picklegen.New(2).Global("yacs.config", "CfgNode").Op(')', 0x81).Text("lr").Int(1).Op('s').Stop(),
			&pickle.Record{Class: pickle.Global{Module: "yacs.config", Name: "CfgNode"}, Entries: []pickle.Entry{{Key: "lr", Value: int64(1)}}},
		},
		{
			"a class derived from list", picklegen.New(2).Global("omegaconf", "ListConfig").Op(')', 0x81).Int(1).Op('a').Stop(),
			&pickle.Record{Class: pickle.Global{Module: "omegaconf", Name: "ListConfig"}, Items: []pickle.Value{int64(1)}},
		},
		{"an object of protocol 1", picklegen.New(2).Call("copy_reg", "_reconstructor", func(w *writer) {
			w.Global("training", "Config").Global("__builtin__", "object").None()
		}).Stop(), &pickle.Record{Class: pickle.Global{Module: "training", Name: "Config"}, Args: []pickle.Value{nil}}},
		{
			"pathlib", picklegen.New(4).Call("pathlib", "PosixPath", func(w *writer) { w.Text("/").Text("data") }).Stop(),
			&pickle.Record{Class: pickle.Global{Module: "pathlib", Name: "PosixPath"}, Args: []pickle.Value{"/", "data"}},
		},
		{
			"a member of an enumeration", picklegen.New(4).Call("builtins", "getattr", func(w *writer) { w.Global("training", "Mode").Text("EVAL") }).Stop(),
			&pickle.Global{Module: "training", Name: "Mode.EVAL"},
		},
		{"torch.Size", picklegen.New(2).Call("torch", "Size", func(w *writer) { w.Ints(2, 3) }).Stop(), tuple(int64(2), int64(3))},
		{
			"an object array", picklegen.New(4).Array(picklegen.Array{Code: "O", Order: "|", Shape: []int{1}}).Stop(),
			&pickle.Opaque{What: `a NumPy array of type "O"`, Tensor: true},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { equal(t, test.want, load(t, test.content)) })
	}
}

func TestSharedValuesStayShared(t *testing.T) {
	root := load(t, picklegen.Doubled(60)).(*pickle.Tuple)
	for range 59 {
		if root.Items[0] != root.Items[1] {
			t.Fatal("a shared value was copied")
		}
		root = root.Items[0].(*pickle.Tuple)
	}
	equal(t, tuple(int64(1), int64(1)), root)
}

func TestDeepValuesEnd(t *testing.T) {
	value := load(t, picklegen.Doubled(5000))
	depth := 0
	for pair, ok := value.(*pickle.Tuple); ok; pair, ok = value.(*pickle.Tuple) {
		value = pair.Items[0]
		depth++
	}
	equal(t, &pickle.Opaque{What: "a value that is nested too deeply"}, value)
	if depth != 101 {
		t.Errorf("depth %d", depth)
	}
}

func TestValuesThatContainThemselves(t *testing.T) {
	itself := &pickle.Opaque{What: "a value that contains itself"}
	loop := picklegen.New(2).Op(']', 'q', 0, 'h', 0, 'a').Stop()
	equal(t, list(itself), load(t, loop))
	dictLoop := picklegen.New(2).Op('}', 'q', 0).Text("self").Op('h', 0, 's').Stop()
	equal(t, dict("self", itself), load(t, dictLoop))
	record := picklegen.New(2).Global("a", "B").Op(')', 0x81, 'q', 0, 'h', 0, 'b').Stop()
	equal(t, &pickle.Record{Class: pickle.Global{Module: "a", Name: "B"}, State: itself}, load(t, record))
}

func TestDictGet(t *testing.T) {
	d := load(t, picklegen.New(2).Dict(func(w *picklegen.Writer) { w.Text("a").Int(1).Int(7).Int(2) }).Stop()).(*pickle.Dict)
	if value, ok := d.Get("a"); !ok || value != int64(1) {
		t.Error("a is not found")
	}
	if _, ok := d.Get("b"); ok {
		t.Error("b is found")
	}
}

// TestLoad_NamesUnknownCalls has calls that no library writes into a file of weights, beside calls that libraries do write.
func TestLoad_NamesUnknownCalls(t *testing.T) {
	t.Parallel()
	w := picklegen.New(2)
	called := func(module, name string) func(w *picklegen.Writer) {
		return func(w *picklegen.Writer) {
			w.Text(module + name)
			w.Call(module, name, func(w *picklegen.Writer) { w.Text("x") })
		}
	}
	content := w.Dict(func(w *picklegen.Writer) {
		for _, c := range [][2]string{
			{"numpy", "DataSource"},
			{"torch.utils._x", "_Import"},
			{"any", "__pyx_unpickle_x"},
			{"transformers.training_args", "TrainingArguments"},
			{"transformers.trainer_utils", "IntervalStrategy"},
			{"builtins", "ValueError"},
			{"ipaddress", "IPv4Address"},
			{"pathlib", "PosixPath"},
		} {
			called(c[0], c[1])(w)
		}
		w.Text("again").Call("numpy", "DataSource", func(w *picklegen.Writer) { w.Text("y") })
	}).Stop()
	document, err := pickle.Load(t.Context(), content, 0, pickle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []pickle.Global{
		{Module: "numpy", Name: "DataSource"},
		{Module: "torch.utils._x", Name: "_Import"},
		{Module: "any", Name: "__pyx_unpickle_x"},
		{Module: "transformers.training_args", Name: "TrainingArguments"},
	}
	equal(t, want, document.Called)
	if notes := document.Notes(); len(notes) != 1 || !strings.Contains(notes[0], `Python would call "numpy.DataSource", "torch.utils._x._Import"`) {
		t.Errorf("notes %q", notes)
	}
}
