// Package augmenttest compares operations of package augment with recordings of what Pillow, timm and torch make of the same pictures and parameters, as
// dev/interop/augment.py writes them.
package augmenttest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/finetune/augment"
)

// recordings is a file of them.
type recordings struct {
	// Pictures have 8-bit samples, [Height, Width, 3].
	Pictures map[string]*preprocess.RGB8 `json:"pictures"`
	Cases    []recorded                  `json:"cases"`
}

// recorded is what an operation made.
type recorded struct {
	// Op is a name of package augment, one after "level " for the amount of it, or one of the functions of check.
	Op   string    `json:"op"`
	Args []float64 `json:"args"`
	// Picture names what it was made of, and Pixels are the samples of the result, or Floats are its numbers, little-endian float32.
	Picture       string  `json:"picture"`
	Interpolation string  `json:"interpolation"`
	Fill          []uint8 `json:"fill"`
	Pixels        []byte  `json:"pixels"`
	// In is what an operation on float32 was applied to, of that Shape, and Classes are its classes.
	In      []byte  `json:"in"`
	Shape   []int   `json:"shape"`
	Classes []int   `json:"classes"`
	Floats  []byte  `json:"floats"`
	Value   float64 `json:"value"`
}

// Check compares all recordings of a file. It returns their number, and a sentence for each that package augment does otherwise. The error says that the file is
// malformed.
func Check(file io.Reader) (checked int, problems []string, err error) {
	var all recordings
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&all); err != nil {
		return 0, nil, err
	}
	for i, c := range all.Cases {
		problem := ""
		switch picture := all.Pictures[c.Picture]; {
		case c.Picture != "" && picture == nil:
			return 0, nil, fmt.Errorf("case %d: there is no picture %q", i, c.Picture)
		case picture != nil:
			problem, err = c.checkPicture(picture)
		default:
			problem, err = c.checkNumbers()
		}
		if err != nil {
			return 0, nil, fmt.Errorf("case %d, %s: %w", i, c.Op, err)
		}
		if problem != "" {
			problems = append(problems, fmt.Sprintf("case %d, %s%v of %q: %s", i, c.Op, c.Args, c.Picture, problem))
		}
	}
	return len(all.Cases), problems, nil
}

// checkPicture compares an operation on a picture.
func (c *recorded) checkPicture(p *preprocess.RGB8) (problem string, err error) {
	warp := augment.Warp{Interpolation: card.Interpolation(c.Interpolation)}
	copy(warp.Fill[:], c.Fill)
	before := slices.Clone(p.Pix)
	var got *preprocess.RGB8
	switch c.Op {
	case "Flip":
		got = augment.Flip(p)
	case "ResizedCrop": // top, left, height, width, size
		x, y, w, h := int(c.Args[1]), int(c.Args[0]), int(c.Args[3]), int(c.Args[2])
		recipe := card.Recipe{
			Resize: card.ShorterEdge, ResizeTo: 2 * int(c.Args[4]), Crop: int(c.Args[4]), Interpolation: card.Interpolation(c.Interpolation),
			Mean: [3]float64{0.5, 0.5, 0.5}, Std: [3]float64{0.5, 0.5, 0.5},
		}
		if got, err = augment.ResizedCrop(p, image.Rect(x, y, x+w, y+h), recipe); err != nil {
			return "", err
		}
	default:
		if !slices.Contains(augment.OpNames(), c.Op) {
			return "", fmt.Errorf("unknown operation")
		}
		got = warp.Apply(p, augment.Op{Name: c.Op, Amount: append(slices.Clone(c.Args), 0)[0]})
	}
	if !slices.Equal(before, p.Pix) {
		return "the picture that was given is changed", nil
	}
	return differing(got.Pix, c.Pixels, func(a, b uint8) bool { return a == b }), nil
}

// checkNumbers compares an operation on a batch, or an amount.
func (c *recorded) checkNumbers() (problem string, err error) {
	if name, is := strings.CutPrefix(c.Op, "level "); is { // magnitude, and 1 for a negative sign
		if got := augment.OpAt(name, c.Args[0], c.Args[1] == 1).Amount; got != c.Value {
			return fmt.Sprintf("%v instead of %v", got, c.Value), nil
		}
		return "", nil
	}
	values := floats(c.In)
	same := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
	switch c.Op {
	case "mixup": // share
		augment.Mix{Share: c.Args[0]}.Pictures(values, c.Shape[0], c.Shape[3], c.Shape[2])
	case "cutmix": // share before the cut, the pixel in its middle; the share after it
		mix := augment.CutAt(c.Shape[3], c.Shape[2], c.Args[0], int(c.Args[2]), int(c.Args[1]))
		if mix.Share != c.Value {
			return fmt.Sprintf("a share of %v instead of %v", mix.Share, c.Value), nil
		}
		mix.Pictures(values, c.Shape[0], c.Shape[3], c.Shape[2])
	case "targets": // share, number of classes, smoothing
		values = augment.Mix{Share: c.Args[0]}.Targets(c.Classes, int(c.Args[1]), c.Args[2])
	default:
		return "", fmt.Errorf("unknown operation")
	}
	return differing(values, floats(c.Floats), same), nil
}

func floats(raw []byte) []float32 {
	values := make([]float32, len(raw)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return values
}

// differing says how many values are not those that were recorded, and which is the first; empty if all are.
func differing[T any](got, want []T, same func(a, b T) bool) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d values instead of %d", len(got), len(want))
	}
	count, first := 0, 0
	for i := range got {
		if !same(got[i], want[i]) {
			if count++; count == 1 {
				first = i
			}
		}
	}
	if count == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d values differ; value %d is %v instead of %v", count, len(got), first, got[first], want[first])
}
