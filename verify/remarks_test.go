package verify_test

import (
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// TestRemarks_AreDocumented compares the codes of remarks with the table of docs/verify.md.
func TestRemarks_AreDocumented(t *testing.T) {
	t.Parallel()
	codes := func(path, after, before string, pattern *regexp.Regexp) (found []string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, part, _ := strings.Cut(string(content), after)
		part, _, _ = strings.Cut(part, before)
		for _, m := range pattern.FindAllStringSubmatch(part, -1) {
			found = append(found, m[1])
		}
		slices.Sort(found)
		return found
	}
	code := codes("remarks.go", "\nconst (\n", "\n)\n", regexp.MustCompile(`= "([a-z0-9-]+)"`))
	page := codes("../docs/verify.md", "| code | what it says |", "\n\n", regexp.MustCompile("[|,] `([a-z0-9-]+)`"))
	if len(code) == 0 || !slices.Equal(code, page) {
		t.Errorf("the code has  %q\nthe page has %q", code, page)
	}
}

// TestVerify_Remarks changes recordings so that they show less, and makes sure that the result says so.
func TestVerify_Remarks(t *testing.T) {
	t.Parallel()
	colours := func(g verifytest.Golden, change func(pixel int, v float32) float32) {
		g.Recording.Pixels = slices.Clone(g.Recording.Pixels)
		for i, v := range g.Recording.Pixels {
			g.Recording.Pixels[i] = change(i, v)
		}
	}
	const area = 64 * 64
	for name, c := range map[string]struct {
		recorded string
		change   func(g verifytest.Golden)
		codes    string
		says     string
	}{
		"coloured": {"tiny_p16_64.passl.float32", func(verifytest.Golden) {}, "", ""},
		"grey":     {"digits_p16_64.passl.float32", func(verifytest.Golden) {}, "grey-pictures", "the order of the channels was not tested"},
		"normalised grey": {"digits_p16_64.passl.float32", func(g verifytest.Golden) {
			colours(g, func(i int, v float32) float32 { return v*float32(2+i/area%3) - 0.4 })
		}, "grey-pictures", ""},
		"flat":             {"tiny_p16_64.passl.float32", func(g verifytest.Golden) { colours(g, func(i int, _ float32) float32 { return float32(i / area) }) }, "flat-pictures", "one colour"},
		"zero":             {"tiny_p16_64.passl.float32", func(g verifytest.Golden) { colours(g, func(int, float32) float32 { return 0 }) }, "flat-pictures same-pictures", "the same one"},
		"no mask":          {"tiny_mim_p16_64.unilm.float64", func(g verifytest.Golden) { g.Recording.Mask = nil }, "no-mask", "mask_token was not tested"},
		"logits alone":     {"tiny_p16_64.passl.float32", func(g verifytest.Golden) { g.Recording.Activations = g.Recording.Activations[5:] }, "few-taps", "has logits alone"},
		"without a block":  {"tiny_p16_64.passl.float32", func(g verifytest.Golden) { g.Recording.Activations = slices.Delete(g.Recording.Activations, 1, 2) }, "few-taps", "before blocks.1"},
		"NaN in reference": {"tiny_p16_64.passl.float32", func(g verifytest.Golden) { g.Recording.Activations[2].Values[5] = math.NaN() }, "not-finite", "at blocks.1 the reference has NaN"},
		"NaN in the model": {"tiny_p16_64.passl.float32", func(g verifytest.Golden) {
			i := slices.IndexFunc(g.Weights, func(w tensor.Named) bool { return w.Name == "blocks.2.mlp.fc2.bias" })
			g.Weights[i].View = stored(slices.Repeat([]float32{float32(math.NaN())}, 48), tensor.F32, tensor.Shape{48})
		}, "not-finite", "at blocks.2 the model computes NaN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := verifytest.One(t, c.recorded)
			c.change(g)
			r, err := verify.Verify(t.Context(), subject(g, tensor.F32), verify.Recorded("r", g.Recording), verify.Options{NoBlame: true})
			if err != nil {
				t.Fatal(err)
			}
			var codes, sentences []string
			for _, remark := range r.Remarks {
				codes, sentences = append(codes, remark.Code), append(sentences, remark.Sentence)
			}
			if got := strings.Join(codes, " "); got != c.codes || !strings.Contains(strings.Join(sentences, "\n"), c.says) {
				t.Errorf("%q, not %q: %q", got, c.codes, sentences)
			}
		})
	}
}

// TestVerify_Where changes a part of a recording, and makes sure that the result names that part.
func TestVerify_Where(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hit               func(image, token, channel int) bool
		element, channels []int
	}{
		"one value":  {func(image, token, channel int) bool { return image == 1 && token == 3 && channel == 5 }, []int{1, 3, 5}, []int{5}},
		"a channel":  {func(_, _, channel int) bool { return channel == 40 }, nil, []int{40}},
		"everywhere": {func(int, int, int) bool { return true }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := verifytest.One(t, "digits_p16_64.timm.float32")
			a, _ := g.Recording.Activation(engine.Stage{Kind: engine.Block, Block: 2}.String())
			for i := range a.Values {
				if c.hit(i/(17*48), i/48%17, i%48) {
					a.Values[i] += 0.01
				}
			}
			r, err := verify.Verify(t.Context(), subject(g, tensor.F32), verify.Recorded("r", g.Recording), verify.Options{NoBlame: true})
			if err != nil {
				t.Fatal(err)
			}
			where := r.Taps[3].Where
			if r.FirstDivergence != "blocks.2" || !slices.Equal(where.Element, c.element) || !slices.Equal(where.Channels, c.channels) {
				t.Errorf("at %s: %+v", r.FirstDivergence, where)
			}
		})
	}
}
