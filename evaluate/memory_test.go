//go:build !race

package evaluate_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"io"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/tensor"
)

// manyClasses answers with drawn logits, so that nearly every mistake is another one.
type manyClasses struct {
	classes, pixels int
	state           uint64
}

func (m *manyClasses) Forward(_ context.Context, input engine.Input, _ engine.Tap) (engine.Activation, error) {
	n := len(input.Pixels) / m.pixels
	values := make([]float64, n*m.classes)
	for i := range values {
		m.state = m.state*6364136223846793005 + 1442695040888963407
		values[i] = float64(m.state>>40) * 1e-7
	}
	return engine.Activation{Name: "logits", Shape: tensor.Shape{n, m.classes}, Values: values}, nil
}

func (*manyClasses) Close() error { return nil }

// TestClassification_MemoryIsFlat: 20,000 images with 21,841 classes; their logits would be 3.5 GB.
func TestClassification_MemoryIsFlat(t *testing.T) {
	const images, classes = 20_000, 21_841
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	config.Classes = classes
	recipe, err := card.RecipeFor("timm", config.ImageHeight)
	if err != nil {
		t.Fatal(err)
	}
	classifier, err := classify.New(&manyClasses{classes: classes, pixels: recipe.Len()}, card.Card{Config: config, Facts: card.Facts{Recipe: &recipe}})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewPaletted(image.Rect(0, 0, 16, 16), color.Palette{color.Black})); err != nil {
		t.Fatal(err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file.Bytes())), nil }
	examples := make([]dataset.Example, images)
	for i := range examples {
		examples[i] = dataset.Example{Image: classify.Image{Name: strconv.Itoa(i), Open: open}, Class: i % classes}
	}
	header := evaluate.HeaderFor(classifier, dataset.NewList("", examples, dataset.Mapping{Way: dataset.ByNumber}), whole)
	log, err := evaluate.OpenLog(filepath.Join(t.TempDir(), "p.jsonl"), header)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var first, largest uint64
	progress := func(p evaluate.Progress) {
		if p.Done%2000 != 0 {
			return
		}
		runtime.GC()
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		if first == 0 {
			first = now.HeapAlloc
		}
		largest = max(largest, now.HeapAlloc)
	}
	summary, err := evaluate.Classification(t.Context(), classifier, dataset.NewList("", examples, dataset.Mapping{Way: dataset.ByNumber}),
		evaluate.Options{Header: header, Log: log, Progress: progress})
	if err != nil || summary.Images != images {
		t.Fatalf("%+v, %v", summary, err)
	}
	grown := int64(largest) - int64(first)
	t.Logf("%.1f MB after 2,000 images, at most %.1f MB more until 20,000; %d different mistakes", float64(first)/1e6, float64(grown)/1e6, len(summary.Confusions))
	if limit := int64(8 << 20); grown > limit {
		t.Errorf("%d bytes after 2,000 images, %d more after 20,000; at most %d may be", first, grown, limit)
	}
}
