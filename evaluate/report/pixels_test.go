package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/report"
	"github.com/beitzoo/beitzoo/evaluate/segmentation"
)

const figures = "../../testdata/segmentation/figures/ade20k/"

// pixelHeader is that of an evaluation of maps with so many classes.
func pixelHeader(t testing.TB, classes, images int, labels []string) segmentation.Header {
	t.Helper()
	config, err := arch.ByName("tiny_seg_p16_48")
	if err != nil {
		t.Fatal(err)
	}
	config.Classes = classes
	return segmentation.Header{
		Format: segmentation.Format, Version: "v1.2.3", View: segmentation.View{Recipe: segment.Recipe{Name: "unilm-48"}}, Run: evaluate.Run{Engine: "native", DType: "F32", Device: "cpu"},
		Model: segmentation.Model{Name: "m.pth", Digest: "sha256:" + strings.Repeat("9", 64), Config: config, Labels: labels},
		Data: segmentation.Description{
			Source: figures, ImagesFolder: figures + "images/validation", LabelsFolder: figures + "annotations/validation", Layout: segmentation.ADE20K, Split: "validation", Images: images,
			Labelling: segmentation.Labelling{ReduceZeroLabel: true, IgnoreIndex: 255}, Shard: evaluate.Shard{Index: 1, Of: 1},
		},
	}
}

// contentOf returns the CRC-32C of a file of labels.
func contentOf(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(figures + "annotations/validation/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%08x", crc32.Checksum(raw, crc32.MakeTable(crc32.Castagnoli)))
}

// smallMap is a map of two pixels, of the classes 0 and 3.
func smallMap(t testing.TB) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, &image.Gray{Pix: []uint8{0, 3}, Stride: 2, Rect: image.Rect(0, 0, 2, 1)}); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func pixelSequence(records []segmentation.Record) iter.Seq2[segmentation.Record, error] {
	return func(yield func(segmentation.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// recordedPixels are about pictures of testdata: p01.jpg, whose labels are recorded, and another one under a name that must not become markup.
func recordedPixels(t testing.TB) []segmentation.Record {
	t.Helper()
	return []segmentation.Record{
		{Index: 0, Image: "p01.jpg", Labels: "p01.png", Content: contentOf(t, "p01.png"), Width: 75, Height: 50, Ignored: 750, Pairs: [][3]int{{0, 0, 1000}, {0, 1, 500}, {2, 2, 1500}}, Windows: 2, Map: smallMap(t)},
		{Index: 1, Image: hostile, Labels: "p02.png", Content: contentOf(t, "p01.png"), Width: 10, Height: 10, Pairs: [][3]int{{0, 1, 100}}, Windows: 1},
		{Index: 2, Image: "p03.jpg", Labels: "p03.png", Width: 10, Height: 10, Ignored: 100, Windows: 1},
		{Index: 3, Image: "p04.jpg", Labels: "p04.png", Error: "decode JPEG: the file ends early"},
	}
}

// pixelPageOf returns the page about records.
func pixelPageOf(t testing.TB, h segmentation.Header, records []segmentation.Record) report.PixelPage {
	t.Helper()
	tally := segmentation.NewTally(h)
	for _, r := range records {
		if err := tally.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	var readable []segmentation.Record
	for _, r := range records {
		if r.Error == "" {
			readable = append(readable, r)
		}
	}
	worst, err := report.Worst(pixelSequence(readable), h.Model.Config.Classes, 24)
	if err != nil {
		t.Fatal(err)
	}
	finder := report.PixelFinder{Header: h, Images: []string{h.Data.ImagesFolder}, Labels: []string{h.Data.LabelsFolder}}
	if err := finder.Find(t.Context(), worst); err != nil {
		t.Fatal(err)
	}
	return report.PixelPage{
		Header: h, Summary: tally.Summary(true), Worst: worst, Parts: []string{"ade.jsonl"}, View: "recipe unilm-48", Labelling: "0 is unlabelled", Command: "beitzoo eval report ade.jsonl -o ade.html",
	}
}

func TestPixelHTML(t *testing.T) {
	t.Parallel()
	page := pixelPageOf(t, pixelHeader(t, 5, 4, []string{"wall", "sky", "tree", hostile, "door"}), recordedPixels(t))
	page.Summary.Comparisons = []segmentation.Comparison{
		{Published: segmentation.Published{Origin: "somebody", MeanIoU: 53.61}, Apart: -0.25}, {Published: segmentation.Published{Origin: "a neighbour", MeanIoU: 54}, NotCompared: "it is of other pictures"},
	}
	var first, again bytes.Buffer
	if err := errors.Join(report.PixelHTML(&first, page), report.PixelHTML(&again, page)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), again.Bytes()) {
		t.Error("the same page has other bytes the second time")
	}
	html := first.String()
	// wall: 1000 of 1600; sky: 0 of 600; tree: all.
	for _, want := range []string{
		"<strong>54.17 %</strong>mIoU", "<strong>81.25 %</strong>mAcc", "<strong>80.65 %</strong>aAcc", "3 pictures read; 3100 pixels count, 850 are ignored", "1 picture could not be read", "p04.jpg",
		"somebody published 53.61 %: this is <strong>0.25 points below</strong>", "that a neighbour published: it is of other pictures.", "2 classes are neither in the labels nor in the maps",
		"the file is not there any more", "the predictions have no map of it", "its CRC-32C is another one", "sha256:9999", "recipe unilm-48", "ade.jsonl", "shares of their row in percent", "ignored",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if jpegs, pngs := strings.Count(html, "data:image/jpeg"), strings.Count(html, "data:image/png"); jpegs != 1 || pngs != 2 {
		t.Errorf("%d photographs and %d maps", jpegs, pngs)
	}
	for _, word := range []string{`src="http`, "<img src=http", "https:", "ZgotmplZ", "@import", "url(", "NaN", "\u202e"} {
		if strings.Contains(html, word) {
			t.Errorf("the page has %q", word)
		}
	}
	if strings.Count(html, "<script>") != 1 {
		t.Error("a name became markup")
	}
}

// TestPixelHTML_ManyClasses has as many classes as ADE20K in full, with hostile names.
func TestPixelHTML_ManyClasses(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	if err := report.PixelHTML(&page, manyPixels(t, 847)); err != nil {
		t.Fatal(err)
	}
	if html := page.String(); strings.Count(html, "<script>") != 1 || strings.Contains(html, "<img src=http") || !strings.Contains(html, "847 classes in the order") || page.Len() > 900_000 {
		t.Errorf("%d bytes", page.Len())
	}
}

// manyPixels is a page of many classes.
func manyPixels(t testing.TB, classes int) report.PixelPage {
	t.Helper()
	labels := make([]string, classes)
	var pairs [][3]int
	sum := 0
	for class := range labels {
		labels[class] = fmt.Sprintf("%s %d", hostile, class)
		pairs = append(pairs, [3]int{class, class, 100 + class%7})
		if taken := (class*7 + 1) % classes; taken > class {
			pairs = append(pairs, [3]int{class, taken, 1 + class%50})
		}
	}
	for _, p := range pairs {
		sum += p[2]
	}
	return pixelPageOf(t, pixelHeader(t, classes, 1, labels), []segmentation.Record{{Image: "a.jpg", Labels: "a.png", Width: sum, Height: 1, Pairs: pairs, Windows: 1}})
}

func TestPixelHTML_Nothing(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	h := pixelHeader(t, 5, 4, nil)
	h.Data.Shard = evaluate.Shard{Index: 2, Of: 8}
	if err := report.PixelHTML(&page, report.PixelPage{Header: h, Summary: segmentation.NewTally(h).Summary(false)}); err != nil {
		t.Fatal(err)
	}
	if html := page.String(); strings.Contains(html, "NaN") || strings.Contains(html, "<h2>Confusion") || !strings.Contains(html, "2/8") || !strings.Contains(html, "<strong>-</strong>mIoU") {
		t.Error("the page has figures of nothing")
	}
}

func TestWorst_LowestFirst(t *testing.T) {
	t.Parallel()
	at := func(index, right, wrong int) segmentation.Record {
		return segmentation.Record{Index: index, Width: 10, Height: 10, Pairs: [][3]int{{0, 0, right}, {0, 1, wrong}}}
	}
	records := []segmentation.Record{at(4, 50, 50), at(3, 50, 50), at(1, 90, 10), at(2, 10, 90), {Index: 0, Width: 1, Height: 1, Ignored: 1}}
	got, err := report.Worst(pixelSequence(records), 2, 3)
	var order []int
	for _, w := range got {
		order = append(order, w.Index)
	}
	if err != nil || !slices.Equal(order, []int{2, 3, 4}) || math.Abs(float64(got[0].MeanIoU)-0.05) > 1e-12 {
		t.Errorf("%v, %v", order, err)
	}
	broken := errors.New("broken")
	if _, err := report.Worst(func(yield func(segmentation.Record, error) bool) { yield(segmentation.Record{}, broken) }, 2, 1); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestPixelFinder draws labels and a map, of which the colours are looked at, and takes no file for that of a record that is another one.
func TestPixelFinder(t *testing.T) {
	t.Parallel()
	h := pixelHeader(t, 5, 4, nil)
	h.Model.Palette = []card.Colour{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 20, 30}, {0, 0, 1}}
	worst := []report.WorstPicture{{Record: recordedPixels(t)[0]}}
	finder := report.PixelFinder{Header: h, Images: []string{h.Data.ImagesFolder}, Labels: []string{h.Data.LabelsFolder}}
	if err := finder.Find(t.Context(), worst); err != nil {
		t.Fatal(err)
	}
	w := worst[0]
	if w.Picture == nil || w.Truth == nil || w.Map == nil || w.Truth.Bounds() != w.Picture.Bounds() {
		t.Fatalf("missing: %q, %q, %q", w.Missing, w.TruthMissing, w.MapMissing)
	}
	if c := (color.RGBA{R: 10, G: 20, B: 30, A: 0xff}); w.Map.At(1, 0) != c {
		t.Errorf("the map has %v in place of %v", w.Map.At(1, 0), c)
	}
	if at := slices.IndexFunc(w.Classes, func(s report.Swatch) bool { return s.Class == -1 }); at < 0 {
		t.Errorf("nothing is ignored: %v", w.Classes)
	}
	black := 0
	for y := range w.Truth.Bounds().Dy() {
		for x := range w.Truth.Bounds().Dx() {
			if w.Truth.At(x, y) == (color.RGBA{A: 0xff}) {
				black++
			}
		}
	}
	if black == 0 {
		t.Error("no pixel of the labels is drawn as ignored")
	}
	other := recordedPixels(t)[0]
	other.Width, other.Content = 74, "00000000"
	worst = []report.WorstPicture{{Record: other}}
	if err := finder.Find(t.Context(), worst); err != nil || worst[0].Picture != nil || worst[0].Truth != nil || !strings.Contains(worst[0].Missing, "another size") {
		t.Errorf("%q, %q, %v", worst[0].Missing, worst[0].TruthMissing, err)
	}
	if _, err := os.Stat(filepath.Join(h.Data.ImagesFolder, "p01.jpg")); err != nil {
		t.Fatal(err)
	}
	finder.Images = nil // the folder of the data is outside of the working directory
	if err := finder.Find(t.Context(), worst); err != nil || !strings.Contains(worst[0].Missing, "outside of the working directory") {
		t.Errorf("%q, %v", worst[0].Missing, err)
	}
}
