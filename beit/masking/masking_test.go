package masking_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/masking"
	"github.com/beitzoo/beitzoo/errdef"
)

// row is a row of testdata/masks.json: masks of unilm's own generators.
type row struct {
	generator                     string
	seed                          uint32
	height, width, patches, least int
	masks                         []string
}

func (r *row) UnmarshalJSON(raw []byte) error {
	return json.Unmarshal(raw, &[]any{&r.generator, &r.seed, &r.height, &r.width, &r.patches, &r.least, &r.masks})
}

// TestMasks_EqualUnilm compares masks of many seeds and windows with those of unilm's generators.
func TestMasks_EqualUnilm(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/masks.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Rows []row }
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Rows) < 300 {
		t.Fatal(len(file.Rows), err)
	}
	for _, r := range file.Rows {
		g := masking.Generator{Height: r.height, Width: r.width, Patches: r.patches, Least: r.least, Aspect: 0.3, Exact: r.generator == "v2"}
		var got []string
		masks, err := g.Masks(r.seed)
		if err != nil {
			t.Fatal(err)
		}
		for mask := range masks {
			var digits strings.Builder
			for _, masked := range mask {
				digits.WriteByte("01"[map[bool]int{true: 1}[masked]])
			}
			if got = append(got, digits.String()); len(got) == len(r.masks) {
				break
			}
		}
		if !slices.Equal(got, r.masks) {
			t.Errorf("%s, seed %d, %d x %d: got %v, want %v", r.generator, r.seed, r.height, r.width, got, r.masks)
		}
	}
}

func TestUsual(t *testing.T) {
	t.Parallel()
	if g := masking.Usual(14, 14, false); g.Patches != 75 || g.Least != 16 {
		t.Errorf("14 x 14: %+v", g)
	}
	if g := masking.Usual(4, 4, false); g.Patches != 6 || g.Least != 1 {
		t.Errorf("4 x 4: %+v", g)
	}
}

func TestMasks_Refused(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*masking.Generator){
		func(g *masking.Generator) { g.Patches = 0 }, func(g *masking.Generator) { g.Patches = 17 }, func(g *masking.Generator) { g.Least = 0 },
		func(g *masking.Generator) { g.Height = 0 }, func(g *masking.Generator) { g.Width = 1 << 20 }, func(g *masking.Generator) { g.Aspect = 2 },
		func(g *masking.Generator) { g.Most = -1 },
	} {
		g := masking.Usual(4, 4, false)
		change(&g)
		var refused *masking.GeneratorError
		if _, err := g.Masks(0); !errors.As(err, &refused) || !errors.Is(err, errdef.ErrUsage) || !strings.Contains(refused.Hint(), "patches") {
			t.Errorf("%+v: %v", g, err)
		}
	}
}
