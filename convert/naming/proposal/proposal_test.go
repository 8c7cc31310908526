package proposal_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/naming/proposal"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

const testdata = "../../../testdata/"

// style is a way in which people name and lay out the parameters of a BEiT. Its table is written by hand.
type style struct {
	name, table string
	// doubts are the rows that must be marked: no more, and no fewer.
	doubts []string
}

// squares is the row of a square matrix that is marked in every style: its shape can't tell whether it is transposed.
const projection = "blocks.{i}.attn.proj.*"

var styles = []style{
	{"lucidrains", `
rows:
- cls_token: cls_token
- patch_embed.proj.*: to_patch_embedding.proj.*
- blocks.{i}.norm1.*: layers.{i}.attention.norm.*
- blocks.{i}.attn.qkv.weight: layers.{i}.attention.to_qkv.weight
- blocks.{i}.attn.q_bias: layers.{i}.attention.q_bias
- blocks.{i}.attn.v_bias: layers.{i}.attention.v_bias
- blocks.{i}.attn.relative_position_bias_table: layers.{i}.attention.rel_pos_bias
- blocks.{i}.attn.proj.*: layers.{i}.attention.to_out.*
- blocks.{i}.gamma_1: layers.{i}.attention.scale
- blocks.{i}.gamma_2: layers.{i}.feed_forward.scale
- blocks.{i}.norm2.*: layers.{i}.feed_forward.norm.*
- blocks.{i}.mlp.fc1.*: layers.{i}.feed_forward.net.0.*
- blocks.{i}.mlp.fc2.*: layers.{i}.feed_forward.net.3.*
- fc_norm.*: fc_norm.*
- head.*: linear_head.*
`, []string{"blocks.{i}.attn.qkv.weight", projection}},
	{"GPT", `
rows:
- cls_token: transformer.cls
- patch_embed.proj.*: transformer.patch.*
- blocks.{i}.norm1.*: transformer.h.{i}.ln_1.*
- blocks.{i}.attn.qkv.weight: transformer.h.{i}.attn.c_attn.weight
- blocks.{i}.attn.q_bias + blocks.{i}.attn.v_bias: transformer.h.{i}.attn.c_attn.bias
  by: drop key bias
- blocks.{i}.attn.relative_position_bias_table: transformer.h.{i}.attn.bias_table
- blocks.{i}.attn.proj.*: transformer.h.{i}.attn.c_proj.*
- blocks.{i}.gamma_1: transformer.h.{i}.ls_1
- blocks.{i}.gamma_2: transformer.h.{i}.ls_2
- blocks.{i}.norm2.*: transformer.h.{i}.ln_2.*
- blocks.{i}.mlp.fc1.*: transformer.h.{i}.mlp.c_fc.*
- blocks.{i}.mlp.fc2.*: transformer.h.{i}.mlp.c_proj.*
- fc_norm.*: transformer.ln_f.*
- head.*: head.*
`, []string{projection, "fc_norm.*"}},
	{"query, key and value apart", `
rows:
- cls_token: embeddings.cls_token
- patch_embed.proj.*: embeddings.patch.*
- blocks.{i}.norm1.*: encoder.{i}.norm_before.*
- blocks.{i}.attn.qkv.weight: encoder.{i}.att.q_proj.weight + encoder.{i}.att.k_proj.weight + encoder.{i}.att.v_proj.weight
  by: join
- blocks.{i}.attn.q_bias: encoder.{i}.att.q_proj.bias
- blocks.{i}.attn.v_bias: encoder.{i}.att.v_proj.bias
- blocks.{i}.attn.relative_position_bias_table: encoder.{i}.att.relative_bias
- blocks.{i}.attn.proj.*: encoder.{i}.att.out_proj.*
- blocks.{i}.gamma_1: encoder.{i}.lambda_1
- blocks.{i}.gamma_2: encoder.{i}.lambda_2
- blocks.{i}.norm2.*: encoder.{i}.norm_after.*
- blocks.{i}.mlp.fc1.*: encoder.{i}.ffn.up.*
- blocks.{i}.mlp.fc2.*: encoder.{i}.ffn.down.*
- fc_norm.*: pooler.norm.*
- head.*: classifier.*
`, []string{"blocks.{i}.attn.qkv.weight", projection}},
	{"Keras", `
transposed: true
rows:
- cls_token: stem/class_token
- patch_embed.proj.weight: stem/conv/kernel
  by: turn kernel
- patch_embed.proj.bias: stem/conv/bias
- blocks.{i}.norm1.weight: block_{i+1}/layer_norm_1/gamma
- blocks.{i}.norm1.bias: block_{i+1}/layer_norm_1/beta
- blocks.{i}.attn.qkv.weight: block_{i+1}/attention/qkv/kernel
- blocks.{i}.attn.q_bias: block_{i+1}/attention/query_bias
- blocks.{i}.attn.v_bias: block_{i+1}/attention/value_bias
- blocks.{i}.attn.relative_position_bias_table: block_{i+1}/attention/pos_table
- blocks.{i}.attn.proj.weight: block_{i+1}/attention/dense/kernel
- blocks.{i}.attn.proj.bias: block_{i+1}/attention/dense/bias
- blocks.{i}.gamma_1: block_{i+1}/layer_scale_1
- blocks.{i}.gamma_2: block_{i+1}/layer_scale_2
- blocks.{i}.norm2.weight: block_{i+1}/layer_norm_2/gamma
- blocks.{i}.norm2.bias: block_{i+1}/layer_norm_2/beta
- blocks.{i}.mlp.fc1.weight: block_{i+1}/mlp/dense_0/kernel
- blocks.{i}.mlp.fc1.bias: block_{i+1}/mlp/dense_0/bias
- blocks.{i}.mlp.fc2.weight: block_{i+1}/mlp/dense_1/kernel
- blocks.{i}.mlp.fc2.bias: block_{i+1}/mlp/dense_1/bias
- fc_norm.weight: fc_norm/gamma
- fc_norm.bias: fc_norm/beta
- head.weight: predictions/kernel
- head.bias: predictions/bias
`, []string{"blocks.{i}.attn.qkv.weight", "blocks.{i}.attn.proj.weight"}},
	{"Flax", `
transposed: true
rows:
- cls_token: params.cls
- patch_embed.proj.weight: params.embedding.kernel
  by: turn kernel
- patch_embed.proj.bias: params.embedding.bias
- blocks.{i}.norm1.weight: params.encoderblock_{i}.LayerNorm_0.scale
- blocks.{i}.norm1.bias: params.encoderblock_{i}.LayerNorm_0.bias
- blocks.{i}.attn.qkv.weight: params.encoderblock_{i}.MHA.query.kernel + params.encoderblock_{i}.MHA.key.kernel + params.encoderblock_{i}.MHA.value.kernel
  by: [merge last HEADS, transpose, join]
- blocks.{i}.attn.q_bias + blocks.{i}.attn.v_bias: params.encoderblock_{i}.MHA.query.bias + params.encoderblock_{i}.MHA.key.bias + params.encoderblock_{i}.MHA.value.bias
  by: [merge first HEADS, join, drop key bias]
- blocks.{i}.attn.relative_position_bias_table: params.encoderblock_{i}.MHA.rel_table
- blocks.{i}.attn.proj.weight: params.encoderblock_{i}.MHA.out.kernel
  by: [merge first HEADS, transpose]
- blocks.{i}.attn.proj.bias: params.encoderblock_{i}.MHA.out.bias
- blocks.{i}.gamma_1: params.encoderblock_{i}.gamma_1
- blocks.{i}.gamma_2: params.encoderblock_{i}.gamma_2
- blocks.{i}.norm2.weight: params.encoderblock_{i}.LayerNorm_1.scale
- blocks.{i}.norm2.bias: params.encoderblock_{i}.LayerNorm_1.bias
- blocks.{i}.mlp.fc1.weight: params.encoderblock_{i}.MlpBlock.Dense_0.kernel
- blocks.{i}.mlp.fc1.bias: params.encoderblock_{i}.MlpBlock.Dense_0.bias
- blocks.{i}.mlp.fc2.weight: params.encoderblock_{i}.MlpBlock.Dense_1.kernel
- blocks.{i}.mlp.fc2.bias: params.encoderblock_{i}.MlpBlock.Dense_1.bias
- fc_norm.weight: params.pool_norm.scale
- fc_norm.bias: params.pool_norm.bias
- head.weight: params.head.kernel
- head.bias: params.head.bias
`, []string{"blocks.{i}.attn.qkv.weight", "blocks.{i}.attn.proj.weight"}},
	{"no word for blocks, vectors without axes", `
rows:
- cls_token: token
  by: add axes 2
- patch_embed.proj.weight: patch.weight
  by: patches chw 3
- patch_embed.proj.bias: patch.bias
- blocks.{i}.norm1.*: {i}.a.ln.*
- blocks.{i}.attn.qkv.weight: {i}.a.w.weight
- blocks.{i}.attn.q_bias + blocks.{i}.attn.v_bias: {i}.a.w.bias
  by: drop key bias
- blocks.{i}.attn.relative_position_bias_table: {i}.a.table
- blocks.{i}.attn.proj.*: {i}.a.o.*
- blocks.{i}.gamma_1: {i}.a.g
- blocks.{i}.gamma_2: {i}.b.g
- blocks.{i}.norm2.*: {i}.b.ln.*
- blocks.{i}.mlp.fc1.*: {i}.b.1.*
- blocks.{i}.mlp.fc2.*: {i}.b.2.*
- fc_norm.*: n.*
- head.*: h.*
`, []string{"patch_embed.proj.weight", "blocks.{i}.norm1.*", projection, "blocks.{i}.gamma_1", "blocks.{i}.gamma_2", "blocks.{i}.norm2.*", "fc_norm.*"}},
	{"heads interleaved, numbers with zeros in front", `
rows:
- cls_token: emb.cls
- patch_embed.proj.*: emb.conv.*
- blocks.{i}.norm1.*: layer_{i:02}.pre_attn_norm.*
- blocks.{i}.attn.qkv.weight: layer_{i:02}.attn.query_key_value.weight
  by: heads hqd HEADS
- blocks.{i}.attn.q_bias + blocks.{i}.attn.v_bias: layer_{i:02}.attn.query_key_value.bias
  by: [heads hqd HEADS, drop key bias]
- blocks.{i}.attn.relative_position_bias_table: layer_{i:02}.attn.rpb
  by: transpose
- blocks.{i}.attn.proj.*: layer_{i:02}.attn.dense.*
- blocks.{i}.gamma_1: layer_{i:02}.attn_scale
- blocks.{i}.gamma_2: layer_{i:02}.mlp_scale
- blocks.{i}.norm2.*: layer_{i:02}.pre_mlp_norm.*
- blocks.{i}.mlp.fc1.*: layer_{i:02}.mlp.dense_h_to_4h.*
- blocks.{i}.mlp.fc2.*: layer_{i:02}.mlp.dense_4h_to_h.*
- fc_norm.*: pool.norm.*
- head.*: head.*
`, []string{projection}},
	{"number behind the layer", `
rows:
- cls_token: cls
- patch_embed.proj.*: patch_proj.*
- blocks.{i}.norm1.*: ln_attn_{i}.*
- blocks.{i}.attn.qkv.weight: qkv_{i}.weight
- blocks.{i}.attn.q_bias: q_bias_{i}
- blocks.{i}.attn.v_bias: v_bias_{i}
- blocks.{i}.attn.relative_position_bias_table: bias_table_{i}
- blocks.{i}.attn.proj.*: out_{i}.*
- blocks.{i}.gamma_1: gamma_attn_{i}
- blocks.{i}.gamma_2: gamma_mlp_{i}
- blocks.{i}.norm2.*: ln_mlp_{i}.*
- blocks.{i}.mlp.fc1.*: up_{i}.*
- blocks.{i}.mlp.fc2.*: down_{i}.*
- fc_norm.*: fc_norm.*
- head.*: head.*
`, []string{"blocks.{i}.attn.qkv.weight", projection}},
	{"x-transformers, biases of keys by themselves", `
rows:
- cls_token: net.tokens.class
- patch_embed.proj.*: net.patchify.*
- blocks.{i}.norm1.*: net.blk{i}.first.*
- blocks.{i}.attn.qkv.weight: net.blk{i}.Wq.weight + net.blk{i}.Wk.weight + net.blk{i}.Wv.weight
  by: join
- blocks.{i}.attn.q_bias + blocks.{i}.attn.v_bias: net.blk{i}.Wq.bias + net.blk{i}.Wk.bias + net.blk{i}.Wv.bias
  by: [join, drop key bias]
- blocks.{i}.attn.relative_position_bias_table: net.blk{i}.relPos
- blocks.{i}.attn.proj.*: net.blk{i}.Wo.*
- blocks.{i}.gamma_1: net.blk{i}.layerScale1
- blocks.{i}.gamma_2: net.blk{i}.layerScale2
- blocks.{i}.norm2.*: net.blk{i}.second.*
- blocks.{i}.mlp.fc1.*: net.blk{i}.fc1.*
- blocks.{i}.mlp.fc2.*: net.blk{i}.fc2.*
- fc_norm.*: net.final.*
- head.*: net.head.*
`, []string{"blocks.{i}.attn.qkv.weight", projection, "fc_norm.*"}},
}

func open(t testing.TB, path string) []tensor.Named {
	t.Helper()
	opened, err := checkpoint.Open(t.Context(), path, checkpoint.Options{}, pytorch.Format)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened.Tensors
}

// trained returns the canonical parameters of a file.
func trained(t testing.TB, path string) *naming.Model {
	t.Helper()
	model, err := naming.Read(t.Context(), open(t, path), naming.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// A model is renamed as each style names it; what is proposed for the names reads it back, bit for bit, and marks what nothing tells.
func TestNew_ReadsWhatOthersName(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"digits/digits_p16_64.unilm.pth", "tiny/tiny_p16_32.unilm.pth"} {
		model := trained(t, testdata+file)
		heads := map[int]string{2: "2", 3: "3"}[model.Config.Heads]
		for _, s := range styles {
			t.Run(s.name+" "+model.Config.Name, func(t *testing.T) {
				t.Parallel()
				table := strings.ReplaceAll(strings.ReplaceAll(s.table, "HEADS", heads), ": {i}", ": '{i}")
				lines := strings.Split(table, "\n")
				for i, l := range lines {
					if strings.Contains(l, ": '{i}") {
						lines[i] = l + "'"
					}
				}
				by, err := naming.ParseMap("style.yaml", []byte(strings.Join(lines, "\n")))
				if err != nil {
					t.Fatal(err)
				}
				renamed, err := by.Write(model.Config, model.Tensors, naming.WriteOptions{})
				if err != nil {
					t.Fatal(err)
				}
				draft := propose(t, renamed)
				readsBack(t, draft, renamed, model.Tensors)
				var doubts []string
				for _, d := range draft.Doubts {
					doubts = append(doubts, d.Row)
					if line := strings.Split(string(draft.Text), "\n")[d.Line-1]; !strings.HasPrefix(line, "- "+d.Row+":") || !strings.Contains(line, "# LOOK: ") {
						t.Errorf("line %d is %q, not that of %s", d.Line, line, d.Row)
					}
				}
				if !slices.Equal(doubts, s.doubts) {
					t.Errorf("marked are %q, want %q\n%s", doubts, s.doubts, draft.Text)
				}
				if len(draft.Notes)+len(draft.Unknown) != 0 {
					t.Errorf("notes %q, unknown %q", draft.Notes, draft.Unknown)
				}
			})
		}
	}
}

func propose(t testing.TB, tensors []tensor.Named) *proposal.Draft {
	t.Helper()
	draft, err := proposal.New(t.Context(), tensors, proposal.Options{File: "port.pth"})
	if err != nil {
		t.Fatal(err)
	}
	return draft
}

// readsBack reads tensors by a draft, and compares with what they were made of.
func readsBack(t *testing.T, draft *proposal.Draft, tensors, want []tensor.Named) {
	t.Helper()
	if draft.Problem != nil {
		t.Fatalf("%v\n%s", draft.Problem, draft.Text)
	}
	by, err := naming.ParseMap("draft.yaml", draft.Text)
	if err != nil {
		t.Fatal(err)
	}
	read, err := naming.Read(t.Context(), tensors, naming.Options{Map: by})
	if err != nil {
		t.Fatal(err)
	}
	note := func(n string) bool { return strings.Contains(n, "is a draft: ") }
	if slices.ContainsFunc(read.Notes, note) != (len(draft.Doubts) > 0) {
		t.Errorf("notes %q, with %d doubts", read.Notes, len(draft.Doubts))
	}
	if len(read.Tensors) != len(want) {
		t.Fatalf("%d parameters, want %d", len(read.Tensors), len(want))
	}
	for i, w := range want {
		a, errA := w.Bytes()
		b, errB := read.Tensors[i].Bytes()
		if errA != nil || errB != nil || read.Tensors[i].Name != w.Name || !bytes.Equal(a, b) {
			t.Errorf("%s differs (%v, %v)\n%s", w.Name, errA, errB, draft.Text)
		}
	}
}

// Files that other programs wrote: the names of mmpretrain, and of all schemes that the package knows.
func TestNew_OfRealFiles(t *testing.T) {
	t.Parallel()
	tiny := trained(t, testdata+"tiny/tiny_p16_32.unilm.pth")
	mm := open(t, "testdata/mmpretrain.pth")
	draft := propose(t, mm)
	readsBack(t, draft, mm, tiny.Tensors)
	if !slices.ContainsFunc(draft.Doubts, func(d proposal.Doubt) bool { return d.Row == "fc_norm.*" && slices.Contains(d.Others, "norm") }) {
		t.Errorf("doubts %v: backbone.ln2 may be either norm", draft.Doubts)
	}
	for _, name := range naming.Names() {
		renamed, err := naming.Write(name, tiny.Config, tiny.Tensors, naming.WriteOptions{})
		if none := (*naming.NoNameError)(nil); errors.As(err, &none) && none.Part == naming.WholeModel {
			continue // a scheme for tokenizers
		}
		if err != nil {
			t.Fatal(err)
		}
		readsBack(t, propose(t, renamed), renamed, tiny.Tensors)
	}
}

// A masked model has a table for all blocks, a mask token, and a head over visual tokens.
func TestNew_OfMaskedModel(t *testing.T) {
	t.Parallel()
	model := trained(t, testdata+"mim/tiny_mim_p16_64.unilm.pth")
	for _, name := range []string{naming.HF, naming.PASSL, naming.Timm} {
		renamed, err := naming.Write(name, model.Config, model.Tensors, naming.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		readsBack(t, propose(t, renamed), renamed, model.Tensors)
	}
}

// What is no BEiT is not made one: a bias of the keys that is not zero is said, and the draft can't be used.
func TestNew_SaysWhatIsNoBEiT(t *testing.T) {
	t.Parallel()
	tiny := trained(t, testdata+"tiny/tiny_p16_32.unilm.pth")
	for _, at := range []int{1, 7} { // one bias for all three, biases of their own
		table := styles[at].table
		if at == 7 {
			table = styles[8].table
		}
		by, err := naming.ParseMap("style.yaml", []byte(table))
		if err != nil {
			t.Fatal(err)
		}
		renamed, err := by.Write(tiny.Config, tiny.Tensors, naming.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range renamed {
			if strings.HasSuffix(n.Name, "c_attn.bias") || strings.HasSuffix(n.Name, "Wk.bias") {
				elements, _ := n.Shape.Elements()
				renamed[i].Data = tensor.Memory(bytes.Repeat([]byte{0, 0, 128, 63}, int(elements)))
			}
		}
		draft := propose(t, renamed)
		if !slices.ContainsFunc(draft.Notes, func(n string) bool { return strings.Contains(n, "this is not a BEiT") }) || !errors.Is(draft.Problem, transform.ErrNotZero) {
			t.Errorf("notes %q, problem %v", draft.Notes, draft.Problem)
		}
	}
	nothing := propose(t, []tensor.Named{{Name: "conv.weight", View: tensor.View{DType: tensor.F32, Shape: tensor.Shape{64, 3, 7, 7}}}})
	if nothing.Problem == nil || len(nothing.Notes) == 0 || !slices.Equal(nothing.Unknown, []string{"conv.weight"}) {
		t.Errorf("of something else: %+v", nothing)
	}
}

// What is left over is named, and no row is made for it.
func TestNew_NamesWhatIsLeftOver(t *testing.T) {
	t.Parallel()
	tiny := trained(t, testdata+"tiny/tiny_p16_32.unilm.pth")
	renamed, err := naming.Write(naming.Timm, tiny.Config, tiny.Tensors, naming.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	extra := tensor.View{DType: tensor.F32, Shape: tensor.Shape{7, 9}, Data: tensor.Memory(make([]byte, 252))}
	steps := tensor.View{DType: tensor.I64, Shape: tensor.Shape{}, Data: tensor.Memory(make([]byte, 8))}
	draft := propose(t, append(renamed, tensor.Named{Name: "criterion.matrix", View: extra}, tensor.Named{Name: "steps", View: steps}))
	if !slices.Equal(draft.Unknown, []string{"criterion.matrix"}) || !strings.Contains(string(draft.Text), "# nothing is known of criterion.matrix") {
		t.Errorf("unknown are %q", draft.Unknown)
	}
	var mismatch *naming.MismatchError
	if !errors.As(draft.Problem, &mismatch) || len(mismatch.Unexpected) != 1 || len(mismatch.Missing) != 0 {
		t.Errorf("problem %v", draft.Problem)
	}
}

func FuzzNew(f *testing.F) {
	tiny := trained(f, testdata+"tiny/tiny_p16_32.unilm.pth")
	for _, n := range tiny.Tensors {
		f.Add(n.Name, 2, 32, 3)
	}
	f.Add("blocks.00000001.{i}\n", 0, 0, -1)
	f.Fuzz(func(t *testing.T, name string, rows, cols, without int) {
		tensors := append(slices.Clone(tiny.Tensors), tensor.Named{Name: name, View: tensor.View{DType: tensor.F32, Shape: tensor.Shape{rows, cols}, Data: tensor.Memory{}}})
		if without >= 0 && without < len(tiny.Tensors) {
			tensors = slices.Delete(tensors, without, without+1)
		}
		draft, err := proposal.New(t.Context(), tensors, proposal.Options{File: name})
		if err != nil {
			return
		}
		var broken *naming.MapError
		if errors.As(draft.Problem, &broken) {
			t.Fatalf("the draft is no map: %v\n%s", err, draft.Text)
		}
	})
}

// Guesses about the end of a model and about layers that are too many are marked, and layers of a head are not taken for those of a block.
func TestNew_MarksGuesses(t *testing.T) {
	t.Parallel()
	tiny := trained(t, testdata+"tiny/tiny_p16_32.unilm.pth")
	renamed := func(pairs ...string) []tensor.Named {
		names := strings.NewReplacer(pairs...)
		var all []tensor.Named
		for _, made := range tiny.Tensors {
			all = append(all, tensor.Named{Name: names.Replace(made.Name), View: made.View})
		}
		return all
	}
	with := func(tensors []tensor.Named, name string, shape ...int) []tensor.Named {
		v, err := transform.Zeros(tensor.F32, shape)
		if err != nil {
			t.Fatal(err)
		}
		return append(tensors, tensor.Named{Name: name, View: v})
	}
	classes, width := tiny.Config.Classes, tiny.Config.EmbedDim
	twoLayers := with(with(renamed("head.", "head.0."), "head.2.weight", 4, classes), "head.2.bias", 4)
	normed := with(with(renamed("head.", "head.1."), "head.0.weight", width), "head.0.bias", width)
	for _, c := range []struct {
		name    string
		tensors []tensor.Named
		marked  []string
	}{
		{"named as a language model's", renamed("fc_norm", "ln_f", "head.", "lm_out."), []string{"norm.*", "lm_head.*"}},
		{"a head of two layers", twoLayers, []string{"head.*"}},
		{"a norm in the head", normed, nil},
	} {
		draft := propose(t, c.tensors)
		var doubts []string
		for _, d := range draft.Doubts {
			doubts = append(doubts, d.Row)
		}
		for _, row := range c.marked {
			if !slices.Contains(doubts, row) {
				t.Errorf("%s: %s is not marked\n%s", c.name, row, draft.Text)
			}
		}
		if notes := strings.Join(draft.Notes, "\n"); strings.Contains(notes, "norms are found in the blocks") {
			t.Errorf("%s: %s", c.name, notes)
		}
	}
}
