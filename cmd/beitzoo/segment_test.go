package main

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// TestSegment_Palette makes sure that maps are drawn in the colours that the checkpoint has, here in mmcv's meta: i, 2i, 3i for class i.
func TestSegment_Palette(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "map.png")
	if code, _, errs := runHere(t, "segment", testdata("segmentation/seg_p16_48.unilm.pth"), testdata("cards/a.png"), "--taps", "1,2,3,4", "-o", path, "--engine", "native"); code != 0 {
		t.Fatal(errs)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoded, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	drawn, ok := decoded.(*image.Paletted)
	if !ok || len(drawn.Palette) < 5 {
		t.Fatalf("the map is %T", decoded)
	}
	for class := range 5 {
		k := uint8(class)
		if want := (color.RGBA{k, 2 * k, 3 * k, 0xff}); drawn.Palette[class] != color.Color(want) {
			t.Errorf("class %d is drawn in %v, want %v", class, drawn.Palette[class], want)
		}
	}
}
