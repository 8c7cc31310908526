package report_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/drift"
	"github.com/beitzoo/beitzoo/verify/report"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// hostile is what somebody may put into names.
const hostile = `<script src="http://example.com/a.js"></script><img src=http://example.com/b.png onerror="document.title='broken'">"'` + "\u202e\x00\n"

// deep returns the result of a model of 40 blocks with several faults, hostile names, and everything else that a result can have.
func deep() *verify.Result {
	r := result(alone(tap("embed", 2e-6, 8e-6), 1e-7))
	for i := range 40 {
		off := 1e-6 * math.Pow(1.2, float64(i))
		if i >= 17 {
			off *= 1e4
		}
		local := 2e-7 * float64(1+i%4)
		attention := tap(fmt.Sprintf("blocks.%d.attn", i), off, 8e-6)
		block := tap(fmt.Sprintf("blocks.%d", i), 1.3*off, 9e-6)
		attention.Local, block.Local = alone(attention, local).Local, alone(block, local).Local
		if i == 17 {
			attention.Local, attention.Where = alone(attention, 8e-3).Local, blame.Place{Heads: []int{3}}
		}
		r.Taps = append(r.Taps, attention, block)
	}
	r.Taps = append(r.Taps, tap("pool", 3, 8e-6), tap("logits", 4e4, 8e-6))
	r.Taps[len(r.Taps)-2].MaxAbs, r.Taps[len(r.Taps)-2].NonFinite = math.Inf(1), 12
	r.OK, r.FirstDivergence, r.Model, r.Reference, r.HoldsTo = false, "blocks.17.attn", hostile+strings.Repeat("long", 60), "recording "+hostile, tensor.F32
	r.Findings = []blame.Finding{
		{
			Stage: "blocks.17.attn", Hypothesis: "heads-permuted", Side: blame.Checkpoint, Tensors: []string{"blocks.17.attn.qkv.weight", "blocks.17.attn.proj.weight"},
			Where: blame.Place{Heads: []int{3, 4}}, Sentence: "the heads are in the order 0, 1, 2, 4, 3 " + hostile, Advice: "write them in order", Distance: 2e-6, Without: 0.9, Tolerance: 8e-6,
			Edits: []blame.Edit{{Tensor: "blocks.17.attn.qkv.weight", Says: "exchange heads 3 and 4"}, {Tensor: "blocks.17.attn.proj.weight", Says: "exchange heads 3 and 4"}},
		},
		{Stage: blame.WholeModel, Hypothesis: "normalised-twice", Side: blame.Input, Sentence: "the pictures are normalised twice", Distance: 1, Without: 4e4, Tolerance: 1},
	}
	r.Remarks = []verify.Remark{{Code: "logits-alone", Sentence: "the reference has no mask " + hostile}}
	r.Images = 12
	for i := range 8 {
		s := verify.Sample{Image: i, Channels: 3, Height: 224, Width: 224, Pixels: make([]float32, 3*224*224)}
		for n := range s.Pixels {
			s.Pixels[n] = float32((n*(7+i)+n/224*3)%511)/255 - 1
		}
		for n := range 5 {
			p := math.Pow(0.4, float64(n+1))
			s.Got = append(s.Got, verify.Score{Class: 997 - n, Logit: 7 - float64(n), Probability: p})
			s.Want = append(s.Want, verify.Score{Class: 997 - n ^ i, Logit: 7.1 - float64(n), Probability: p})
		}
		r.Samples = append(r.Samples, s)
	}
	return r
}

// alone returns a tap whose stage alone is off by that much; 1e-6 is allowed.
func alone(t verify.Tap, off float64) verify.Tap {
	t.Local = &verify.Local{OK: off <= 1e-6, Distance: drift.Distance{MaxAbs: off, RMS: off / 3}, Tolerance: 1e-6, Noise: 1e-7}
	return t
}

// deepPage returns what stands beside deep.
func deepPage() report.Page {
	labels := make([]string, 1000)
	for i := range labels {
		labels[i] = fmt.Sprintf("tench, Tinca tinca, number %d", i)
	}
	labels[996] = hostile
	return report.Page{
		Options: report.Options{Labels: labels, Hint: "give --epsilon 1e-12 " + hostile, About: "epsilon 1e-6, heads"},
		Recipe:  &card.Recipe{Mean: [3]float64{0.5, 0.5, 0.5}, Std: [3]float64{0.5, 0.5, 0.5}},
		Facts:   []report.Fact{{Name: "Program", Value: "beitzoo v1.2.3, revision 0123456789abcdef0123456789abcdef01234567, go1.26"}, {Name: "Machine", Value: hostile}},
		Files:   []report.File{{What: "model", Path: "/somewhere/" + strings.Repeat("deep/", 30) + hostile, Bytes: 346123456, SHA256: strings.Repeat("0123456789abcdef", 4)}},
		Command: "beitzoo verify '" + hostile + "' --recording " + strings.Repeat("very-long-", 30) + ".safetensors --report report.html",
	}
}

func render(t *testing.T, r *verify.Result, page report.Page) string {
	t.Helper()
	var first, second bytes.Buffer
	if err := errors.Join(report.HTML(&first, r, page), report.HTML(&second, r, page)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two pages of the same result differ")
	}
	return first.String()
}

// TestHTML_Hostile wants no name to become a part of the page, and the page to be of a size that can be sent by mail.
func TestHTML_Hostile(t *testing.T) {
	t.Parallel()
	page := render(t, deep(), deepPage())
	for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(page, -1) {
		name := regexp.MustCompile(`^</?[a-zA-Z0-9!]+`).FindString(tag)
		if strings.Contains(tag, "http") && !strings.HasPrefix(tag, "<meta") || name == "<script" || strings.Contains(tag, "onerror") || name == "<img" && !strings.Contains(tag, `src="data:image/png;base64,`) {
			t.Errorf("the page has the element %.200s", tag)
		}
	}
	if strings.ContainsAny(page, "\u202e\x00") {
		t.Error("the page has characters that change the order of the text")
	}
	if len(page) > 1<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
	for _, want := range []string{
		"Not verified: first outside of rounding at blocks.17.attn.", "heads-permuted", "exchange heads 3 and 4", "a fault of the checkpoint", "the pictures are normalised twice",
		"12 values not finite", "8 of 12 images", `<code class="quiet">logits-alone</code>`, "346123456", "--report report.html", "tench, Tinca tinca, number 997", "the classes differ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if tiles := strings.Count(page, `<div class="tile">`); tiles != 40+3 {
		t.Errorf("%d tiles", tiles)
	}
}

// TestHTML_Pictures decodes the pictures of a real verification: they are those that the recording holds.
func TestHTML_Pictures(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.passl.float32")
	r, err := verify.Verify(t.Context(), verify.Subject{Name: "digits", Config: g.Config, Weights: g.Weights}, verify.Recorded(g.Name, g.Recording), verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := card.RecipeFor("passl-digits", 64)
	if err != nil {
		t.Fatal(err)
	}
	page := render(t, r, report.Page{Recipe: &recipe})
	sources := regexp.MustCompile(`src="data:image/png;base64,([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(sources) != r.Images || !strings.Contains(page, "All of them are grey") || strings.Contains(page, "The reason") {
		t.Fatalf("%d pictures of %d", len(sources), r.Images)
	}
	for i, source := range sources {
		raw, err := base64.StdEncoding.DecodeString(html.UnescapeString(source[1]))
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		for n := range 64 * 64 {
			got, _, _, _ := picture.At(n%64, n/64).RGBA()
			if want := math.Round(255 * (float64(g.Recording.Pixels[i*3*64*64+n])*0.5 + 0.5)); math.Abs(float64(got>>8)-want) > 0 {
				t.Fatalf("image %d, pixel %d is %d, want %g", i, n, got>>8, want)
			}
		}
	}
	if stretched := render(t, r, report.Page{}); !strings.Contains(stretched, "is stretched") {
		t.Error("without a recipe the page does not say what it shows")
	}
}

// TestHTML_Little has results that lack most of what a page can show.
func TestHTML_Little(t *testing.T) {
	t.Parallel()
	few := result(tap("logits", 1e-6, 8e-6))
	few.HoldsTo = tensor.F64
	page := render(t, few, report.Page{})
	if strings.Contains(page, "<svg role") || strings.Contains(page, "What both sides see") || strings.Contains(page, "Blocks by part") || !strings.Contains(page, "Verified to the rounding of float64") {
		t.Error("a page about one tap shows more")
	}
	few.Samples = []verify.Sample{
		{Channels: 1, Height: 1, Width: 2, Pixels: []float32{float32(math.NaN()), float32(math.Inf(1))}}, {Channels: 4, Height: 1, Width: 1, Pixels: make([]float32, 4)}, {Channels: 3, Height: 8, Width: 8},
	}
	page = render(t, few, report.Page{Problem: card.MultiLabel})
	if strings.Count(page, "no picture") != 2 || !strings.Contains(page, "<h2>The pictures</h2>") {
		t.Error("pictures of other channels are shown")
	}
	few.Samples = []verify.Sample{{Got: []verify.Score{{Class: 1, Logit: 3.25, Probability: 0.75}}}}
	page = render(t, few, report.Page{Problem: card.MultiLabel})
	if !strings.Contains(page, "logit 3.25") || strings.Contains(page, "75.00 %") {
		t.Error("the logits of several labels are shown as a choice among them")
	}
}

// TestHTML_TellingFirst wants the pictures first that both sides take for different classes: in deep that is all but the first.
func TestHTML_TellingFirst(t *testing.T) {
	t.Parallel()
	page := render(t, deep(), deepPage())
	var images []string
	for _, m := range regexp.MustCompile(`<figcaption>Image (\d+)`).FindAllStringSubmatch(page, -1) {
		images = append(images, m[1])
	}
	if got := strings.Join(images, " "); got != "1 2 3 4 5 6 7 0" {
		t.Errorf("the images are in the order %s", got)
	}
}

// TestWriteHTML replaces a report, and nothing else.
func TestWriteHTML(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "report.html")
	for range 2 {
		if err := report.WriteHTML(t.Context(), path, result(tap("logits", 0, 1)), report.Page{}); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(folder, "model.pth")
	if err := os.WriteFile(other, []byte("weights"), 0o600); err != nil {
		t.Fatal(err)
	}
	var foreign *report.ForeignFileError
	if err := report.WriteHTML(t.Context(), other, result(tap("logits", 0, 1)), report.Page{}); !errors.As(err, &foreign) || !errors.Is(err, errdef.ErrUsage) || foreign.Hint() == "" {
		t.Errorf("another file: %v", err)
	}
	if left, _ := os.ReadFile(other); string(left) != "weights" {
		t.Errorf("the other file holds %q", left)
	}
	var folderError *output.NotFileError
	if err := report.CheckTarget(folder); !errors.As(err, &folderError) {
		t.Errorf("a folder: %v", err)
	}
	if err := report.HTML(full{}, result(tap("logits", 0, 1)), report.Page{}); !errors.Is(err, errFull) {
		t.Errorf("no space: %v", err)
	}
}
