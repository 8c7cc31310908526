package naming_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/tensor"
)

// Each scheme of the package, printed and read back as a map, has the same names and the same bits for every architecture.
func TestMap_OfEveryScheme(t *testing.T) {
	t.Parallel()
	for _, name := range naming.Names() {
		scheme, err := naming.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		printed := scheme.Map()
		again, err := naming.ParseMap(name+".yaml", printed)
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if diff := cmp.Diff(string(printed), string(again.Map())); diff != "" {
			t.Errorf("%s printed, read and printed again differs: %s", name, diff)
		}
		for _, architecture := range arch.Names() {
			config := byName(t, architecture)
			if !config.Convolutional() {
				config = naming.Shallow(config, 2)
			}
			wrappers := []string{""}
			for _, w := range scheme.Wrappers {
				if w.Fits(config) {
					wrappers = append(wrappers, w.Name)
				}
			}
			for _, wrapper := range wrappers {
				options := naming.WriteOptions{Wrapper: wrapper}
				spelled, err := naming.Spell(name, config, options)
				if nameless := (*naming.NoNameError)(nil); errors.As(err, &nameless) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				spelledAgain, err := again.Spell(config, options)
				if diff := cmp.Diff(spelled, spelledAgain); err != nil || diff != "" {
					t.Fatalf("%s, %s %s: %v, %s", name, architecture, wrapper, err, diff)
				}
				if config.EmbedDim > 64 {
					continue // the names are all that differs
				}
				written, err := naming.Write(name, config, fillWithBytes(config, tensor.F32), options)
				if err != nil {
					t.Fatal(err)
				}
				read, err := naming.Read(t.Context(), written, naming.Options{Map: again, Arch: &config})
				if err != nil {
					t.Fatalf("%s, %s: %v", name, architecture, err)
				}
				if read.Scheme != naming.MapPrefix+name || read.By != again {
					t.Errorf("%s is read as %s", name, read.Scheme)
				}
				sameTensors(t, fillWithBytes(config, tensor.F32), read.Tensors)
				writtenAgain, err := again.Write(config, read.Tensors, options)
				if err != nil {
					t.Fatal(err)
				}
				sameTensors(t, written, writtenAgain)
			}
		}
	}
}

// handMade is a map with what our own schemes don't have: numbers with leading zeros from 1, separators of Keras, matrices the other way round, all biases
// in one, flax's axes for heads, and patches as rows.
const handMade = `
name: port
transposed: true
rows:
- cls_token: cls
  by: add axes 2
- patch_embed.proj.weight: stem/kernel
  by: [transpose, patches hwc 3]
- patch_embed.proj.bias: stem/bias
- blocks.{i}.norm1.*: b{i+1:02}.n1.*
- blocks.{i}.norm2.*: b{i+1:02}.n2.*
- blocks.{i}.attn.qkv.weight: b{i+1:02}/q/kernel + b{i+1:02}/k/kernel + b{i+1:02}/v/kernel
  by: [merge last 2, transpose, join]
- blocks.{i}.attn.q_bias + blocks.{i}.attn.v_bias: b{i+1:02}/qkv/bias
  by: [heads hqd 2, drop key bias]
- blocks.{i}.attn.proj.weight: b{i+1:02}/out/kernel
  by: [merge first 2, transpose]
- blocks.{i}.attn.proj.bias: b{i+1:02}/out/bias
- blocks.{i}.attn.relative_position_bias_table: b{i+1:02}/table
  by: transpose
- blocks.{i}.gamma_1: b{i+1:02}/scale1
  by: remove axes 2
- blocks.{i}.gamma_2: b{i+1:02}/scale2
- blocks.{i}.mlp.fc1.*: b{i+1:02}.mlp.0.*
- blocks.{i}.mlp.fc2.*: b{i+1:02}.mlp.2.*
- fc_norm.*: final.*
- head.weight: head/kernel
- head.bias: head/bias
- nothing: '*.steps'
  why: a counter of the training program
`

func TestMap_ByHand(t *testing.T) {
	t.Parallel()
	port, err := naming.ParseMap("port.yaml", []byte(handMade))
	if err != nil {
		t.Fatal(err)
	}
	config := byName(t, "tiny_p16_32")
	canonical := fillWithBytes(config, tensor.F32)
	written, err := port.Write(config, canonical, naming.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string]string{}
	for _, w := range written {
		shapes[w.Name] = w.Shape.String()
	}
	for name, want := range map[string]string{
		"cls": "[32]", "stem/kernel": "[768, 32]", "b01/q/kernel": "[32, 2, 16]", "b02/out/kernel": "[2, 16, 32]", "b02/qkv/bias": "[96]", "b01/scale1": "[1, 1, 32]",
		"b01.mlp.0.weight": "[32, 128]", "b01/table": "[2, 12]",
	} {
		if shapes[name] != want {
			t.Errorf("%s is written as %s, want %s", name, shapes[name], want)
		}
	}
	read, err := naming.Read(t.Context(), append(written, zeros("b01.steps", 1)), naming.Options{Map: port})
	if err != nil {
		t.Fatal(err)
	}
	sameTensors(t, canonical, read.Tensors)
	if len(read.Dropped) != 1 || read.Dropped[0].Reason != "a counter of the training program" {
		t.Errorf("dropped %v", read.Dropped)
	}
	// with a prefix that the training program put in front
	for i := range written {
		written[i].Name = "module." + written[i].Name
	}
	if read, err = naming.Read(t.Context(), written, naming.Options{Map: port}); err != nil {
		t.Fatal(err)
	}
	sameTensors(t, canonical, read.Tensors)
}

func TestMap_RefusesKeyBias(t *testing.T) {
	t.Parallel()
	port, err := naming.ParseMap("port.yaml", []byte(handMade))
	if err != nil {
		t.Fatal(err)
	}
	config := byName(t, "tiny_p16_32")
	written, err := port.Write(config, fillWithBytes(config, tensor.F32), naming.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(written, func(n tensor.Named) bool { return n.Name == "b01/qkv/bias" })
	written[at] = ones("b01/qkv/bias", 96)
	if _, err := naming.Read(t.Context(), written, naming.Options{Map: port}); err == nil || !strings.Contains(err.Error(), "the key part of the bias") {
		t.Errorf("got %v", err)
	}
}

func TestParseMap_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		line       int
		want       string
	}{
		{"empty", "", 0, "one document"},
		{"text", "just text", 1, "settings and a list of rows"},
		{"not YAML", "rows: [", 1, "not YAML"},
		{"no rows", "name: x", 0, "no rows"},
		{"empty rows", "name: x\nrows: []", 2, "no rows"},
		{"two numbers of heads", "rows:\n- blocks.{i}.attn.q_bias: q.{i}\n  by: heads hd 3\n- blocks.{i}.attn.v_bias: v.{i}\n  by: heads hd 4", 4, "line 2 states 3: a model has one number of heads"},
		{"unknown setting", "transpose: true\nrows: []", 1, "no such setting (near: transposed)"},
		{"setting twice", "name: x\nname: y\nrows: []", 2, "already defined"},
		{"truth", "transposed: 1\nrows: []", 1, "true or false"},
		{"epsilon", "epsilon: 2\nrows: []", 1, "between 0 and 1"},
		{"name", "name: a b\nrows: []", 1, "a word"},
		{"recipe", "recipe: tim\nrows: []", 0, "there is no recipe \"tim\" (near: timm)"},
		{"anchors", "rows: &a\n- cls_token: x", 1, "anchors are not allowed"},
		{"control character", "name: \x1b[31m", 0, "U+001B"},
		{"unknown parameter", "rows:\n- cls_tokne: x", 2, "no BEiT has such a parameter (near: cls_token)"},
		{"unknown field", "rows:\n- cls_token: x\n  bye: transpose", 3, "has \"cls_token\" already (near: by)"},
		{"unknown operation", "rows:\n- cls_token: x\n  by: transpos", 2, "no operation \"transpos\" (near: transpose)"},
		{"argument", "rows:\n- cls_token: x\n  by: add axes 9", 2, "not of the form: add axes N"},
		{"order of heads", "rows:\n- blocks.{i}.attn.qkv.weight: x.{i}\n  by: heads qqd 2", 2, "not of the form: heads ORDER N"},
		{"too few", "rows:\n- blocks.{i}.attn.qkv.weight: q.{i} + k.{i} + v.{i}", 2, "add by: join"},
		{"too many", "rows:\n- blocks.{i}.attn.q_bias + blocks.{i}.attn.v_bias: qkv.{i}", 2, "add by: drop key bias"},
		{"nothing without reason", "rows:\n- nothing: x", 2, "add by: drop zeros, or why: REASON"},
		{"reason for something", "rows:\n- cls_token: x\n  why: so", 2, "only rows of nothing say why"},
		{"everything ignored", "rows:\n- nothing: '*'\n  why: so", 2, "at most 4 asterisks"},
		{"rows ignored, too", "rows:\n- nothing: ['x.*', '*.bias']\n  why: so\n- norm.*: n.*\n- head.*: h.*", 2, `"*.bias" stands for names of other rows, too: line 4 ("n.bias"), line 5 ("h.bias")`},
		{"a block ignored, too", "prefix: 'm.'\nrows:\n- blocks.{i}.gamma_1: m.l{i+1:02}.g\n- nothing: 'l24.*'\n  why: so", 4, `line 3 ("l24.g")`},
		{"blocks ignored, too", "rows:\n- blocks.{i}.gamma_1: l.{i}.g\n- nothing: 'l.1?.*'\n  why: so", 3, `line 2 ("l.10.g")`},
		{"block on one side", "rows:\n- blocks.{i}.gamma_1: gamma", 2, "{i} stands on both sides"},
		{"block twice", "rows:\n- blocks.{i}.gamma_1: a.{i}.{i}", 2, "stands twice"},
		{"digit beside the block", "rows:\n- blocks.{i}.gamma_1: a.{i}0.x", 2, "no digit may stand beside"},
		{"braces", "rows:\n- blocks.{i}.gamma_1: a.{j}", 2, "braces are for the number of the block"},
		{"asterisk within", "rows:\n- norm.weight: a.*.b", 2, "an asterisk may stand at the end"},
		{"asterisk on one side", "rows:\n- norm.*: a", 2, "end in .* or none does"},
		{"parameter twice", "rows:\n- cls_token: a\n- cls_token: b", 3, "written by line 2 already"},
		{"weight twice", "rows:\n- norm.*: a.*\n- norm.weight: b", 3, "written by line 2 already"},
		{"name twice", "rows:\n- cls_token: a\n- mask_token: a", 3, "stands in line 2 already"},
		{"name of an instance", "rows:\n- blocks.{i}.gamma_1: g.{i}.1\n- blocks.{i}.gamma_2: g.0.{i}", 2, "can also be that of line 3"},
		{"name that is an instance", "rows:\n- blocks.{i}.gamma_1: g.{i}\n- cls_token: g.7", 2, "can also be that of line 3"},
		{"shifted", "rows:\n- blocks.{i}.gamma_1: g.{i}\n- blocks.{i}.gamma_2: g.{i+1}", 2, "can also be that of line 3"},
		{"index", "block_index: i.{i}\nrows:\n- blocks.{i}.gamma_1: i.{i}", 3, "the name of an index, too"},
		{"index for no block", "block_index: i\nrows: []", 1, "with {i} for the block"},
		{"index without a name", "writes_index: true\nrows:\n- cls_token: a", 0, "block_index and shared_index"},
		{"pooling", "rows:\n- norm.*: a.*\n  pooling: class", 3, "near: class_token"},
		{"wrapper", "rows:\n- norm.*: a.*\n  wrapper: W", 3, "not in the list of wrappers"},
		{"too large", strings.Repeat("#\n", naming.MaxMap), 0, "more than 262144 bytes"},
		{"too many rows", "rows:\n" + strings.Repeat("- cls_token: a\n", 501), 2, "at most 500"},
		{"deep", "rows: " + strings.Repeat("[", 5), 1, "nested more than 4 deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := naming.ParseMap("x.yaml", []byte(c.text))
			var wrong *naming.MapError
			if !errors.As(err, &wrong) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), c.want) || wrong.Problems[0].Line != c.line {
				t.Errorf("got line %d, %v; want line %d and %q", wrong.Problems[0].Line, err, c.line, c.want)
			}
			if wrong.Hint() == "" {
				t.Error("no hint")
			}
		})
	}
}

// A map that is in order by itself, but not for a file, is blamed with its lines.
func TestMap_Unfit(t *testing.T) {
	t.Parallel()
	written := write(t, naming.Timm, byName(t, "tiny_p16_32")) // 2 heads of 16, 2 blocks
	bare := write(t, naming.Timm, withoutTables(byName(t, "tiny_p16_32")))
	timm, err := naming.ByName(naming.Timm)
	if err != nil {
		t.Fatal(err)
	}
	plain := string(timm.Map())
	heads := func(operation string) string {
		return strings.Replace(plain, "- blocks.{i}.attn.q_bias: blocks.{i}.attn.q_bias\n", "- blocks.{i}.attn.q_bias: blocks.{i}.attn.q_bias\n  by: heads "+operation+"\n", 1)
	}
	for _, c := range []struct {
		name, text string
		tensors    []tensor.Named
		options    naming.Options
		row        string // at whose line the first problem is
		want       string
	}{
		{"heads of the tables", heads("hd 4"), written, naming.Options{}, "- blocks.{i}.attn.q_bias:", "is 4 (line N of the map) and 2 (the bias tables)"},
		{"heads that are asked for", heads("hd 4"), bare, naming.Options{Hints: arch.Hints{Heads: 8, HeadsFrom: "the request"}}, "- blocks.{i}.attn.q_bias:", "is 4 (line N of the map) and 8 (the request)"},
		{
			"heads of a configuration", heads("hd 4"), bare,
			naming.Options{Arch: ref(withoutTables(byName(t, "tiny_p16_32"))), ArchFrom: "config.json"},
			"- blocks.{i}.attn.q_bias:",
			"is 4 (line N of the map) and 2 (config.json)",
		},
		{"heads that don't divide", heads("hd 5"), written, naming.Options{}, "- blocks.{i}.attn.q_bias:", "the first dimension must be divisible by 5"},
		{"blocks from 1", strings.ReplaceAll(plain, ": blocks.{i}", ": blocks.{i+1}"), written, naming.Options{}, "- blocks.{i}.norm1.*:", "are not {i+1} but {i}"},
		{"two digits", strings.ReplaceAll(plain, ": blocks.{i}", ": blocks.{i:02}"), written, naming.Options{}, "- blocks.{i}.norm1.*:", "are not {i:02} but {i}"},
		{"one row", "rows:\n- cls_token: cls_token\n", written, naming.Options{}, "", "no row for 38 tensors of the file, such as \"blocks.0.attn.proj.bias\"; the map has 1 row"},
		{
			"transposed bias", strings.Replace(plain, "- blocks.{i}.attn.proj.*: blocks.{i}.attn.proj.*\n", "- blocks.{i}.attn.proj.*: blocks.{i}.attn.proj.*\n  by: transpose\n", 1), written,
			naming.Options{},
			"- blocks.{i}.attn.proj.*:", "write one row for the weight, with the operation, and one for the bias",
		},
		{"transposed", strings.Replace(plain, "rows:\n", "transposed: true\nrows:\n", 1), written, naming.Options{}, "- blocks.{i}.attn.qkv.weight:", "is [32, 96] by this row"},
		{"another name", strings.ReplaceAll(plain, ": fc_norm.*", ": fc_nrom.*"), written, naming.Options{Arch: ref(byName(t, "tiny_p16_32"))}, "- fc_norm.*:", "no tensor \"fc_nrom.bias\" (near: fc_norm.bias)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port, err := naming.ParseMap("x.yaml", []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			line := 0
			if before, _, found := strings.Cut(c.text, c.row); c.row != "" && found {
				line = strings.Count(before, "\n") + 1
			}
			c.options.Map = port
			_, err = naming.Read(t.Context(), c.tensors, c.options)
			var unfit *naming.UnfitMapError
			if !errors.As(err, &unfit) {
				t.Fatalf("got %v", err)
			}
			if got := unfit.Problems[0].Line; got != line || !strings.Contains(err.Error(), strings.Replace(c.want, "line N", fmt.Sprint("line ", line), 1)) || unfit.Hint() == "" {
				t.Errorf("got line %d, %v; want line %d, %s", got, err, line, c.want)
			}
		})
	}
	// without tables the map says how many heads there are, and nothing is written by a map for another model
	port, err := naming.ParseMap("x.yaml", []byte(heads("hd 4")))
	if err != nil {
		t.Fatal(err)
	}
	read, err := naming.Read(t.Context(), bare, naming.Options{Map: port, Hints: arch.Hints{Window: arch.Window{Height: 2, Width: 2}}})
	if err != nil || read.Config.Heads != 4 || read.HeadsFrom != "the map" || len(read.Assumptions) > 0 {
		t.Errorf("read: %v", err)
	}
	var conflict *arch.ConflictError
	_, err = port.Write(byName(t, "tiny_p16_32"), fillWithBytes(byName(t, "tiny_p16_32"), tensor.F32), naming.WriteOptions{})
	if !errors.As(err, new(*naming.UnfitMapError)) || !errors.As(err, &conflict) || conflict.Given != "4" || conflict.Found != "2" {
		t.Errorf("written: %v", err)
	}
}

// withoutTables returns an architecture whose parameters do not tell its heads.
func withoutTables(c arch.Config) arch.Config {
	c.Bias, c.AbsolutePosition = arch.NoBias, true
	return c.Named()
}

func ref[T any](value T) *T { return &value }

func TestMap_Gap(t *testing.T) {
	t.Parallel()
	port, err := naming.ParseMap("port.yaml", []byte(strings.Replace(handMade, "- fc_norm.*: final.*\n", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	config := byName(t, "tiny_p16_32")
	var gap *naming.GapError
	if _, err = port.Write(config, fillWithBytes(config, tensor.F32), naming.WriteOptions{}); !errors.As(err, &gap) || !gap.Writing || !slices.Equal(gap.Parameters, []string{"fc_norm.weight", "fc_norm.bias"}) {
		t.Errorf("written: %v", err)
	}
	if _, err = port.Spell(config, naming.WriteOptions{}); !errors.As(err, &gap) {
		t.Errorf("spelled: %v", err)
	}
	whole, err := naming.ParseMap("port.yaml", []byte(handMade))
	if err != nil {
		t.Fatal(err)
	}
	written, err := whole.Write(config, fillWithBytes(config, tensor.F32), naming.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = naming.Read(t.Context(), without(written, "final.weight", "final.bias"), naming.Options{Map: port, Arch: &config})
	if !errors.As(err, &gap) || gap.Writing || len(gap.Parameters) != 2 {
		t.Errorf("read: %v", err)
	}
}

// A map that need not fit is left aside for a file with names that are known.
func TestMap_MayNotFit(t *testing.T) {
	t.Parallel()
	port, err := naming.ParseMap("port.yaml", []byte(handMade))
	if err != nil {
		t.Fatal(err)
	}
	written := write(t, naming.HF, byName(t, "tiny_p16_32"))
	read, err := naming.Read(t.Context(), written, naming.Options{Map: port, MapMayNotFit: true})
	if err != nil || read.Scheme != naming.HF || !slices.ContainsFunc(read.Notes, func(n string) bool { return strings.Contains(n, "the map port.yaml was not used") }) {
		t.Errorf("%v, %v", read, err)
	}
	if _, err = naming.Read(t.Context(), written, naming.Options{Map: port}); err == nil {
		t.Error("a map that does not fit was used")
	}
}

func FuzzParseMap(f *testing.F) {
	config, _ := arch.ByName("tiny_p16_32")
	canonical := fillWithBytes(config, tensor.F32)
	for _, name := range naming.Names() {
		scheme, _ := naming.ByName(name)
		f.Add(scheme.Map())
	}
	f.Add([]byte(handMade))
	f.Add([]byte("rows:\n- blocks.{i}.gamma_1: '{i}{i+1}'\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := naming.ParseMap("x.yaml", raw)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		again, err := naming.ParseMap("x.yaml", m.Map())
		if err != nil {
			t.Fatalf("what was printed can't be read: %v\n%s", err, m.Map())
		}
		if !bytes.Equal(again.Map(), m.Map()) {
			t.Fatal("printed again, it is another map")
		}
		written, err := m.Write(config, canonical, naming.WriteOptions{})
		if err != nil {
			return
		}
		names := map[string]bool{}
		for _, w := range written {
			if names[w.Name] {
				t.Fatalf("the name %q is written twice by\n%s", w.Name, raw)
			}
			names[w.Name] = true
		}
		read, err := naming.Read(t.Context(), written, naming.Options{Map: m, Arch: &config})
		if err != nil {
			t.Fatalf("what was written can't be read: %v\n%s", err, raw)
		}
		sameTensors(t, canonical, read.Tensors)
	})
}
