package segment

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
)

// Options say how pictures are segmented. The zero value means once, as the recipe says, on all cores.
type Options struct {
	// Scales multiply the size of the resized picture; the probabilities of all of them are averaged. nil means the size of the recipe alone.
	Scales []float64
	// Flip averages with the mirrored picture.
	Flip bool
	// Threads is how many goroutines resize; 0 means GOMAXPROCS.
	Threads int
}

// MultiScale are the scales with which microsoft/unilm publishes figures of several scales, together with the mirrored picture.
var MultiScale = []float64{0.5, 0.75, 1, 1.25, 1.5, 1.75}

// ModelError says that a model or recipe cannot segment.
type ModelError struct {
	Config arch.Config
	Reason string
}

func (e *ModelError) Error() string { return e.Reason }

// Is reports whether kind is errdef.ErrUsage.
func (e *ModelError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what can.
func (e *ModelError) Hint() string {
	if e.Config.Classifies() {
		return "it names the class of the image, not of each pixel: classify images with it"
	}
	return "segmentation needs a BEiT with UPerNet, a recipe for windows of its size, and scales above 0"
}

// Segmenter makes maps of classes from pictures. It may be used from several goroutines at once.
type Segmenter struct {
	model   engine.Model
	config  arch.Config
	recipe  Recipe
	options Options
	// samples are the values of each channel that the model sees for the samples of a picture.
	samples [arch.RGB][256]float32
}

// New returns a segmenter for a model that an engine loaded with config. The caller closes the model, after the last use. The error is a *[ModelError].
func New(model engine.Model, config arch.Config, recipe Recipe, o Options) (*Segmenter, error) {
	o.Threads = cmp.Or(o.Threads, runtime.GOMAXPROCS(0))
	side := min(config.ImageHeight, config.ImageWidth)
	switch {
	case !config.Segments():
		return nil, &ModelError{config, "the model has no head for segmentation"}
	case config.Channels != arch.RGB:
		return nil, &ModelError{config, fmt.Sprintf("the model takes pictures of %d channels", config.Channels)}
	case recipe.Whole != nil && (recipe.Whole.Crop != config.ImageHeight || recipe.Whole.Crop != config.ImageWidth):
		return nil, &ModelError{config, fmt.Sprintf("recipe %s makes pictures of %d pixels, and the model takes %d x %d", recipe.Name, recipe.Whole.Crop,
			config.ImageHeight, config.ImageWidth)}
	case recipe.Whole == nil && recipe.Short != side:
		return nil, &ModelError{config, fmt.Sprintf("recipe %s is for windows of %d pixels, and those of the model are %d x %d", recipe.Name, recipe.Short,
			config.ImageHeight, config.ImageWidth)}
	case recipe.Whole != nil && (o.Scales != nil || o.Flip):
		return nil, &ModelError{config, fmt.Sprintf("recipe %s shows the model the whole picture once; several scales and mirrored pictures go with windows", recipe.Name)}
	}
	for _, scale := range o.Scales {
		if !(scale > 0) || scale > 8 {
			return nil, &ModelError{config, fmt.Sprintf("a scale is %g, not between 0 and 8", scale)}
		}
	}
	s := &Segmenter{model: model, config: config, recipe: recipe, options: o}
	for channel := range s.samples {
		for v := range s.samples[channel] {
			s.samples[channel][v] = recipe.normalised(uint8(v), channel)
		}
	}
	return s, nil
}

// Recipe returns how pictures are prepared.
func (s *Segmenter) Recipe() Recipe { return s.recipe }

// Config returns the architecture of the model.
func (s *Segmenter) Config() arch.Config { return s.config }

// Map has the class of each pixel of a picture.
type Map struct {
	Width, Height int
	// Classes are row by row, counted from 0. They belong to the caller.
	Classes []uint32
	// Windows is how many the model saw, of all scales.
	Windows int
	// Padded says that an edge of the resized picture was shorter than a window: the rest of it was zeros, which the model was not trained with.
	Padded bool
}

// NotFiniteError says that logits of a model are not finite.
type NotFiniteError struct{}

func (NotFiniteError) Error() string { return "the model returned logits that are not finite" }

// Is reports whether kind is errdef.ErrInput.
func (NotFiniteError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says where they come from.
func (NotFiniteError) Hint() string {
	return "check the weights, or compute in float32 in place of half precision"
}

// Picture segments one picture. Errors are those of the model's Forward, a *[NotFiniteError], or that of ctx.
func (s *Segmenter) Picture(ctx context.Context, p *preprocess.RGB8) (*Map, error) {
	m := &Map{Width: p.Width, Height: p.Height, Classes: make([]uint32, p.Width*p.Height)}
	if s.recipe.Whole != nil {
		tensor, err := preprocess.Apply(*s.recipe.Whole, p)
		if err != nil {
			return nil, err
		}
		g := &grid{width: s.config.ImageWidth, height: s.config.ImageHeight, windowHeight: s.config.ImageHeight, windowWidth: s.config.ImageWidth, xs: []int{0}, ys: []int{0}}
		if err := s.forward(ctx, g, tensor); err != nil {
			return nil, err
		}
		m.Windows = 1
		return m, g.choose(ctx, s.options.Threads, m, nil)
	}
	return m, s.slide(ctx, p, m)
}

// Decode reads a picture as the recipe's program does: with windows it is turned as its file says. Errors are those of [preprocess.Decode].
func (s *Segmenter) Decode(r io.Reader) (*preprocess.RGB8, error) {
	if s.recipe.Whole != nil {
		return preprocess.Decode(r)
	}
	return preprocess.DecodeUpright(r)
}

// File is [Segmenter.Decode] and [Segmenter.Picture]. The picture is as large as the map.
func (s *Segmenter) File(ctx context.Context, r io.Reader) (*Map, *preprocess.RGB8, error) {
	p, err := s.Decode(r)
	if err != nil {
		return nil, nil, err
	}
	m, err := s.Picture(ctx, p)
	return m, p, err
}

// slide segments with windows, at all scales.
func (s *Segmenter) slide(ctx context.Context, p *preprocess.RGB8, m *Map) error {
	scales := s.options.Scales
	passes := max(1, len(scales))
	if s.options.Flip {
		passes *= 2
	}
	var sum *probabilities
	if passes > 1 {
		sum = newProbabilities(s.config.Classes, p.Width*p.Height)
	}
	for i := range max(1, len(scales)) {
		width, height := s.recipe.size(p.Width, p.Height)
		if scales != nil {
			width, height = s.recipe.scaledSize(p.Width, p.Height, s.recipe.Short, scales[i])
		}
		resized, err := resizeOpenCV(ctx, s.options.Threads, p, width, height)
		if err != nil {
			return err
		}
		for _, mirrored := range []bool{false, true}[:map[bool]int{false: 1, true: 2}[s.options.Flip]] {
			g, err := s.windows(ctx, resized, mirrored)
			if err != nil {
				return err
			}
			m.Windows += len(g.logits)
			m.Padded = m.Padded || g.padded
			if err := g.choose(ctx, s.options.Threads, m, sum); err != nil {
				return err
			}
		}
	}
	if sum != nil {
		sum.choose(m)
	}
	return nil
}

// windows runs the model on all windows of a resized picture.
func (s *Segmenter) windows(ctx context.Context, p *preprocess.RGB8, mirrored bool) (*grid, error) {
	c := s.config
	g := &grid{
		width: p.Width, height: p.Height, windowWidth: c.ImageWidth, windowHeight: c.ImageHeight, mirrored: mirrored,
		xs: starts(p.Width, c.ImageWidth, s.recipe.Stride), ys: starts(p.Height, c.ImageHeight, s.recipe.Stride),
		padded: p.Width < c.ImageWidth || p.Height < c.ImageHeight,
	}
	tensor := make([]float32, arch.RGB*c.ImageHeight*c.ImageWidth)
	for _, y := range g.ys {
		for _, x := range g.xs {
			s.cut(tensor, p, x, y, mirrored)
			if err := s.forward(ctx, g, tensor); err != nil {
				return nil, err
			}
		}
	}
	return g, nil
}

// cut writes a window, normalised, to tensor, [3, ImageHeight, ImageWidth]. What is outside of the picture is zero.
func (s *Segmenter) cut(tensor []float32, p *preprocess.RGB8, x, y int, mirrored bool) {
	clear(tensor)
	c := s.config
	area := c.ImageHeight * c.ImageWidth
	for dy := range min(c.ImageHeight, p.Height-y) {
		line := p.Pix[3*p.Width*(y+dy):][:3*p.Width]
		for dx := range min(c.ImageWidth, p.Width-x) {
			at := x + dx
			if mirrored {
				at = p.Width - 1 - at
			}
			for channel := range s.samples {
				tensor[channel*area+dy*c.ImageWidth+dx] = s.samples[channel][line[3*at+channel]]
			}
		}
	}
}

// forward runs one window and keeps its logits, in float32.
func (s *Segmenter) forward(ctx context.Context, g *grid, tensor []float32) error {
	a, err := s.model.Forward(ctx, engine.Input{Pixels: tensor}, nil)
	if err != nil {
		return err
	}
	g.classes, g.mapHeight, g.mapWidth = a.Shape[1], a.Shape[2], a.Shape[3]
	logits := make([]float32, len(a.Values))
	for i, v := range a.Values {
		if v-v != 0 {
			return NotFiniteError{}
		}
		logits[i] = float32(v)
	}
	g.logits = append(g.logits, logits)
	return nil
}
