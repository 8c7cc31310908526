//go:build !race

package verify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// hasRemark reports whether a result has a remark with that code.
func hasRemark(r *verify.Result, code string) bool {
	return slices.ContainsFunc(r.Remarks, func(r verify.Remark) bool { return r.Code == code })
}

// moved returns the rows of values in another order: row i of the result is row from(i).
func moved(values []float32, rows int, from func(int) int) {
	width, old := len(values)/rows, slices.Clone(values)
	for i := range rows {
		copy(values[i*width:], old[from(i)*width:(from(i)+1)*width])
	}
}

// columns does with the columns of a matrix what moved does with rows.
func columns(values []float32, width int, from func(int) int) {
	old := slices.Clone(values)
	for i := range values {
		values[i] = old[i/width*width+from(i%width)]
	}
}

// TestAgainst_ChangesThatChangeNothing compares a checkpoint with others that are the same function.
func TestAgainst_ChangesThatChangeNothing(t *testing.T) {
	t.Parallel()
	const dim, hidden, heads = 48, 192, 3
	turn := func(count, by int) func(int) int { return func(i int) int { return (i + by) % count } }
	for name, c := range map[string]struct {
		change func(read func(string) []float32)
		remark string
	}{
		"layer scale in proj": {func(read func(string) []float32) {
			weight, bias, gamma := read("blocks.1.attn.proj.weight"), read("blocks.1.attn.proj.bias"), read("blocks.1.gamma_1")
			for i := range gamma { // powers of two, so that nothing is rounded
				factor := float32([]float64{0.5, 2, 4}[i%3])
				for j := range dim {
					weight[i*dim+j] *= factor
				}
				bias[i] *= factor
				gamma[i] /= factor
			}
		}, "branches-differ"},
		"hidden units": {func(read func(string) []float32) {
			moved(read("blocks.1.mlp.fc1.weight"), hidden, turn(hidden, 7))
			moved(read("blocks.1.mlp.fc1.bias"), hidden, turn(hidden, 7))
			columns(read("blocks.1.mlp.fc2.weight"), hidden, turn(hidden, 7))
		}, "checkpoints-differ"},
		"heads": {func(read func(string) []float32) {
			part := dim / heads
			for third := range 3 {
				moved(read("blocks.1.attn.qkv.weight")[third*dim*dim:(third+1)*dim*dim], heads, turn(heads, 1))
			}
			moved(read("blocks.1.attn.q_bias"), heads, turn(heads, 1))
			moved(read("blocks.1.attn.v_bias"), heads, turn(heads, 1))
			columns(read("blocks.1.attn.proj.weight"), dim, func(i int) int { return (i + part) % dim })
			columns(read("blocks.1.attn.relative_position_bias_table"), heads, turn(heads, 1))
		}, "checkpoints-differ"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := verifytest.One(t, "digits_p16_64.timm.float32")
			whole := g.Weights
			g.Weights = planted(t, whole, c.change)
			r := run(t, subject(g, tensor.Invalid), verify.Against("whole", g.Config, whole))
			if !r.OK || r.DType != tensor.F64 || !hasRemark(r, c.remark) || !hasRemark(r, "checkpoints-differ") {
				t.Errorf("ok %t at %q in %s, %v", r.OK, r.FirstDivergence, r.DType, r.Remarks)
			}
		})
	}
}

// TestAgainst_SmallDifferences changes one weight by its last bits. In float64 nothing of it is lost.
func TestAgainst_SmallDifferences(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.timm.float32")
	for _, name := range []string{"patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "blocks.1.mlp.fc2.weight", "blocks.2.gamma_2", "head.weight"} {
		other := spoil(t, g.Weights, name, func(v []float32) { v[len(v)/2] *= 1 + 3e-7 })
		r := run(t, subject(g, tensor.Invalid), verify.Against("other", g.Config, other))
		if r.OK || !namesDifference(r, "the checkpoints differ in "+name+" (", name) {
			t.Errorf("%s: ok %t at %q, %v", name, r.OK, r.FirstDivergence, r.Findings)
		}
	}
}

// TestVerify_ScaledBranch has a recording whose attention branch is that after layer scale. The stream agrees, so that is said and is no failure; a branch that is
// wrong in another way is one.
func TestVerify_ScaledBranch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(i int, v float64) float64
		ok     bool
	}{
		"scaled": {func(i int, v float64) float64 { return v * (1 + float64(i%48)) }, true},
		"turned": {func(i int, v float64) float64 { return v + 1e-3*float64(i%7) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := verifytest.One(t, "digits_p16_64.unilm.float64")
			before, _ := g.Recording.Activation("blocks.0")
			branch := attention(t, g, before)
			for i, v := range branch.Values {
				branch.Values[i] = c.change(i, v)
			}
			g.Recording.Activations = slices.Insert(slices.Clone(g.Recording.Activations), 2, branch)
			r := run(t, subject(g, tensor.Invalid), verify.Recorded("r", g.Recording))
			if r.OK != c.ok || hasRemark(r, "branches-differ") != c.ok {
				t.Errorf("ok %t at %q, %v", r.OK, r.FirstDivergence, r.Remarks)
			}
		})
	}
}

// attention returns the attention branch of block 1.
func attention(t *testing.T, g verifytest.Golden, before engine.Activation) engine.Activation {
	t.Helper()
	stage := engine.Stage{Kind: engine.Attention, Block: 1}
	branch, err := native.Engine{}.Stage(t.Context(), g.Config, g.Weights, stage, engine.Input{}, before)
	if err != nil {
		t.Fatal(err)
	}
	return branch
}

// TestAgainst_Relations makes sure that it is said how a parameter follows from the other checkpoint's.
func TestAgainst_Relations(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.timm.float32")
	const name = "blocks.1.mlp.fc1.weight"
	for says, change := range map[string]func(i int, old []float32) float32{
		"it is the other's rounded to F16":                          func(i int, old []float32) float32 { return tensor.WidenF16(tensor.RoundF16(old[i])) },
		"it is all zero":                                            func(int, []float32) float32 { return 0 },
		"it is the other's with rows reversed":                      func(i int, old []float32) float32 { return old[(191-i/48)*48+i%48] },
		"it has other values, which do not follow from the other's": func(i int, _ []float32) float32 { return float32(i*7919%1009-500) / 30000 },
	} {
		other := spoil(t, g.Weights, name, func(v []float32) {
			old := slices.Clone(v)
			for i := range v {
				v[i] = change(i, old)
			}
		})
		against := g
		against.Weights = other
		r := run(t, subject(against, tensor.Invalid), verify.Against("right", g.Config, g.Weights))
		if !slices.ContainsFunc(r.Findings, func(f blame.Finding) bool {
			return f.Hypothesis == "checkpoints-differ" && strings.Contains(f.Sentence, ": "+says) && slices.Equal(f.Tensors, []string{name})
		}) {
			t.Errorf("%s: %v", says, r.Findings)
		}
	}
	copied := g
	copied.Weights = planted(t, g.Weights, func(read func(string) []float32) { copy(read(name), read("blocks.2.mlp.fc1.weight")) })
	r := run(t, subject(copied, tensor.Invalid), verify.Against("right", g.Config, g.Weights))
	if !slices.ContainsFunc(r.Findings, func(f blame.Finding) bool {
		return strings.Contains(f.Sentence, "it is the other's blocks.2.mlp.fc1.weight")
	}) {
		t.Errorf("a copy: %v", r.Findings)
	}
}
