package preprocess

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image"
	"os"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
)

// TestResample_MatchesPillow compares whole images, and then a window of each with the same part of the whole.
func TestResample_MatchesPillow(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../testdata/preprocess/resize.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Rows [][6]any }
	if err := json.Unmarshal(data, &file); err != nil || len(file.Rows) < 100 {
		t.Fatalf("%d rows, %v", len(file.Rows), err)
	}
	used := new(resizer)
	for _, row := range file.Rows {
		src := noise(int(row[0].(float64)), int(row[1].(float64)))
		width, height := int(row[2].(float64)), int(row[3].(float64))
		m := methodOf(card.Recipe{Interpolation: card.Interpolation(row[4].(string))})
		got := new(resizer).resample(src, width, height, m, image.Rect(0, 0, width, height))
		if sum := sha256.Sum256(got.Pix); hex.EncodeToString(sum[:]) != row[5].(string) {
			t.Errorf("%v: other pixels", row[:5])
		}
		window := image.Rect(width/3-2, height/4-1, width-width/5+1, height+3)
		part := used.resample(src, width, height, m, window)
		for y := range part.Height {
			for x := range part.Width {
				want := got.At(window.Min.X+x, window.Min.Y+y)
				r, g, b, _ := want.RGBA()
				if pr, pg, pb, _ := part.At(x, y).RGBA(); pr != r || pg != g || pb != b {
					t.Fatalf("%v: pixel (%d, %d) of window %v is %v, want %v", row[:5], x, y, window, part.At(x, y), want)
				}
			}
		}
	}
}

// TestPrepare_UsedMemory prepares pictures of many sizes one after the other in the same memory, and compares with new memory for each. What is kept has a limit.
func TestPrepare_UsedMemory(t *testing.T) {
	t.Parallel()
	recipe, err := card.RecipeFor("timm", 32)
	if err != nil {
		t.Fatal(err)
	}
	used := new(workspace)
	got := make([]float32, recipe.Len())
	for i := range 3 * mostAxes {
		src := noise(20+i*37%90, 25+i*53%70)
		want, err := Apply(recipe, src)
		if err != nil {
			t.Fatal(err)
		}
		if err := used.resizer.into(got, recipe, src); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%d x %d: other values, %v", src.Width, src.Height, err)
		}
	}
	if kept := len(used.resizer.axes); kept > mostAxes {
		t.Errorf("%d axes are kept", kept)
	}
	if size := used.resizer.size(); size < 1000 || size > mostKept/16 {
		t.Errorf("%d bytes are kept", size)
	}
}

func noise(width, height int) *RGB8 {
	p := NewRGB8(width, height)
	state := uint32(width*65537 + height)
	for i := range p.Pix {
		state = state*1664525 + 1013904223
		p.Pix[i] = uint8(state >> 24)
	}
	return p
}

// TestResample_VectorsEqualPlain compares what vector code makes with plain Go, for both arithmetics and pictures of all widths.
func TestResample_VectorsEqualPlain(t *testing.T) {
	t.Parallel()
	for width := range 70 {
		src := noise(width+1, 100-width)
		for _, m := range []method{{card.Bicubic, false}, {card.Lanczos, true}} {
			to := 1 + (width*width)%90
			x, y := newAxis(m, src.Width, to, span{0, to}), newAxis(m, src.Height, to, span{to / 3, to})
			wide := NewRGB8(to, src.Height-1)
			x.across(wide, src, x.source.first, span{1, src.Height})
			for line := range wide.Height {
				want := make([]uint8, len(wide.row(line)))
				x.weighColumns(want, src.row(1 + line)[3*x.source.first:], x.taps)
				if !bytes.Equal(wide.row(line), want) {
					t.Fatalf("%d to %d pixels: line %d differs", src.Width, to, line)
				}
			}
			high := NewRGB8(src.Width, len(y.taps))
			y.down(high, src, y.source.first, span{0, src.Width})
			for line := range high.Height {
				sums := make([]int32, len(high.row(line)))
				y.addLines(sums, y.taps[line], func(i int) []uint8 { return src.row(y.source.first + y.taps[line].first + i) })
				for i, sum := range sums {
					if got, want := high.row(line)[i], clamp8(sum>>y.precision); got != want {
						t.Fatalf("%d to %d lines: sample %d of line %d is %d, want %d", src.Height, to, i, line, got, want)
					}
				}
			}
		}
	}
}
