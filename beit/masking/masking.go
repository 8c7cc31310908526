package masking

import (
	"fmt"
	"iter"
	"math"

	"github.com/beitzoo/beitzoo/errdef"
)

// Generator makes masks of a window of patches. Source: microsoft/unilm beit/masking_generator.py and beit2/masking_generator.py.
type Generator struct {
	// Height and Width are the number of patches down and across.
	Height int `json:"height"`
	Width  int `json:"width"`
	// Patches is how many of them are to be masked. Without Exact a mask may have fewer, if no block fits any more.
	Patches int `json:"patches"`
	// Least is the smallest number of patches of a block, as far as so many are left to be masked. Most is the largest; 0 means Patches.
	Least int `json:"least"`
	Most  int `json:"most,omitempty"`
	// Aspect is the smallest ratio of the height of a block to its width; the largest is its inverse.
	Aspect float64 `json:"aspect"`
	// Exact fills masks up with single patches, as the generator of BEiT v2 does.
	Exact bool `json:"exact,omitempty"`
}

// Usual returns the generator with which BEiT is pre-trained: of 14 x 14 patches 75 are masked, in blocks of at least 16 (microsoft/unilm
// beit/run_beit_pretraining.py); of other windows the same shares, at least one patch.
func Usual(height, width int, exact bool) Generator {
	share := func(of int) int { return max(1, of*height*width/(14*14)) }
	return Generator{Height: height, Width: width, Patches: share(75), Least: share(16), Aspect: 0.3, Exact: exact}
}

// GeneratorError says that no masks can be made as asked for.
type GeneratorError struct {
	Generator Generator
	// Reason says why, as a sentence without a full stop.
	Reason string
}

func (e *GeneratorError) Error() string { return e.Reason }

// Is reports wrong usage.
func (e *GeneratorError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what fits.
func (e *GeneratorError) Hint() string {
	g := e.Generator
	return fmt.Sprintf("the window has %d x %d patches, of which pre-training masks %d", g.Height, g.Width, Usual(g.Height, g.Width, false).Patches)
}

// maxSide bounds the sides of a window, in patches.
const maxSide = 1 << 13

// Validate returns a *[GeneratorError], or nil.
func (g Generator) Validate() error {
	fail := func(format string, args ...any) error { return &GeneratorError{g, fmt.Sprintf(format, args...)} }
	switch {
	case g.Height < 1 || g.Width < 1 || g.Height > maxSide || g.Width > maxSide:
		return fail("a window of %d x %d patches", g.Height, g.Width)
	case g.Patches < 1 || g.Patches > g.Height*g.Width:
		return fail("%d patches can't be masked of %d", g.Patches, g.Height*g.Width)
	case g.Least < 1:
		return fail("blocks of at least %d patches", g.Least)
	case g.Most < 0:
		return fail("blocks of at most %d patches", g.Most)
	case !(g.Aspect > 0 && g.Aspect <= 1):
		return fail("blocks with a ratio of height to width of %g, not between 0 and 1", g.Aspect)
	}
	return nil
}

// Masks yields masks without end, each Height x Width row by row, as new memory: those that unilm's generator makes one after the other after random.seed(seed) and
// numpy.random.seed(seed) in Python. The error is a *[GeneratorError].
func (g Generator) Masks(seed uint32) (iter.Seq[[]bool], error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	return func(yield func([]bool) bool) {
		blocks, single := newPython(uint64(seed)), &numpy{}
		single.seeded(seed)
		for {
			mask := make([]bool, g.Height*g.Width)
			masked := 0
			for masked < g.Patches {
				most := g.Patches - masked
				if g.Most > 0 {
					most = min(most, g.Most)
				}
				added := g.block(mask, most, blocks)
				if added == 0 {
					break
				}
				masked += added
			}
			if g.Exact && masked < g.Patches {
				g.fill(mask, g.Patches-masked, single)
			}
			if !yield(mask) {
				return
			}
		}
	}, nil
}

// attempts is how often a place for a block is sought.
const attempts = 10

// block masks at most so many more patches, and returns how many.
func (g Generator) block(mask []bool, most int, r *python) int {
	low, high := math.Log(g.Aspect), math.Log(1/g.Aspect)
	for range attempts {
		area := r.uniform(float64(g.Least), float64(most))
		aspect := math.Exp(r.uniform(low, high))
		height := int(math.RoundToEven(math.Sqrt(area * aspect)))
		width := int(math.RoundToEven(math.Sqrt(area / aspect)))
		if width >= g.Width || height >= g.Height {
			continue
		}
		top, left := r.randint(0, g.Height-height), r.randint(0, g.Width-width)
		added := 0
		each := func(do func(at int)) {
			for y := top; y < top+height; y++ {
				for x := left; x < left+width; x++ {
					do(y*g.Width + x)
				}
			}
		}
		each(func(at int) {
			if !mask[at] {
				added++
			}
		})
		if added == 0 || added > most {
			continue
		}
		each(func(at int) { mask[at] = true })
		return added
	}
	return 0
}

// fill masks so many more patches.
func (g Generator) fill(mask []bool, more int, r *numpy) {
	var free []int
	for at, masked := range mask {
		if !masked {
			free = append(free, at)
		}
	}
	for _, i := range r.choice(len(free), more) {
		mask[free[i]] = true
	}
}
