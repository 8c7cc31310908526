package adapt

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Method says as which program values at positions are resampled.
type Method string

// The methods. Both take a relative position bias table as values at geometric positions, and leave the rows of the class token as they are.
const (
	// Unilm interpolates a table with a bicubic spline, and pos_embed bicubically without antialiasing, as microsoft/unilm and open-mmlab/mmpretrain do. Both
	// know only square windows: for others each axis has positions of its own.
	Unilm Method = "unilm"
	// Timm interpolates a table linearly along both axes, and pos_embed bicubically with antialiasing, as huggingface/pytorch-image-models does.
	Timm Method = "timm"
)

// Methods returns the methods, the default first.
func Methods() []string { return []string{string(Unilm), string(Timm)} }

// resize brings the model to images of another size.
func (m *model) resize(o Options) error {
	height, width := o.ImageHeight, o.ImageWidth
	if height == 0 && width == 0 {
		return nil
	}
	old := m.Config
	size := fmt.Sprintf("%d x %d pixels", height, width)
	if height == old.ImageHeight && width == old.ImageWidth {
		m.note("images are %s already: nothing is resized", size)
		return nil
	}
	if err := checkSize(old, height, width); err != nil {
		return err
	}
	m.Config.ImageHeight, m.Config.ImageWidth = height, width
	m.From[card.Window] = card.Asked
	if err := m.resample(old, o.Resize); err != nil {
		return err
	}
	m.fitRecipe(old)
	if !o.Trained {
		m.note("a resized model is where training starts: its accuracy at the new size is not published")
	}
	return nil
}

// checkSize returns a *[SizeError] if a model can't have images of a size.
func checkSize(c arch.Config, height, width int) error {
	wrong := &SizeError{Height: height, Width: width, PatchSize: c.PatchSize}
	if height < 1 || width < 1 {
		return wrong
	}
	c.ImageHeight, c.ImageWidth = height, width
	if height%c.PatchSize == 0 && width%c.PatchSize == 0 {
		if err := c.Validate(); err != nil {
			wrong.Err = err
			return wrong
		}
		return nil
	}
	for _, up := range []int{0, c.PatchSize - 1} {
		h, w := (height+up)/c.PatchSize*c.PatchSize, (width+up)/c.PatchSize*c.PatchSize
		c.ImageHeight, c.ImageWidth = h, w
		if h > 0 && w > 0 && c.Validate() == nil {
			wrong.Nearest = append(wrong.Nearest, [2]int{h, w})
		}
	}
	return wrong
}

// resample replaces the tables and pos_embed, whose sizes are those of a configuration, by those of the model's new one.
func (m *model) resample(old arch.Config, method Method) error {
	if method == "" {
		method = Unilm
	}
	h, w := old.Window()
	newH, newW := m.Config.Window()
	var tables, all []string
	for _, p := range old.Params() {
		if strings.HasSuffix(p.Name, tableSuffix) {
			tables, all = append(tables, p.Name), append(all, p.Name)
		}
		if p.Name == positionName {
			all = append(all, p.Name)
		}
	}
	if len(tables) > 0 && method == Unilm {
		for _, side := range [][2]int{{h, newH}, {w, newW}} {
			if side[0] != side[1] && 2*side[0]-1 < minSpline {
				return &WindowError{Height: h, Width: w}
			}
		}
	}
	for _, name := range all {
		if view := m.views[name]; !view.DType.IsFloat() {
			return fmt.Errorf("%s: cannot resize %s elements", text.Quote(name), view.DType)
		}
	}
	windows := fmt.Sprintf("from %d x %d to %d x %d patches", h, w, newH, newW)
	if len(all) == 0 {
		m.step(Step{Name: StepResize, What: "images " + windows + ": no parameter depends on their number"})
		return nil
	}
	var what []string
	if len(tables) > 0 {
		grid := tableGrid(method, h, w, newH, newW)
		for _, name := range tables {
			m.views[name] = resampled(m.views[name], tensor.Shape{m.Config.BiasRows(), old.Heads}, grid, 0, tableExtra)
		}
		how := "bicubic splines, as unilm does"
		if method == Timm {
			how = "linear interpolation, as timm does"
		}
		what = append(what, text.Count(len(tables), "relative position bias table", "relative position bias tables")+" by "+how)
		m.noteAxes(method, h, w, newH, newW)
	}
	if old.AbsolutePosition {
		antialias := method == Timm
		grid := grid{y: sums(bicubic(h, newH, antialias)), x: sums(bicubic(w, newW, antialias)), inH: h, inW: w, outH: newH, outW: newW}
		m.views[positionName] = resampled(m.views[positionName], tensor.Shape{1, m.Config.Tokens(), old.EmbedDim}, grid, 1, 0)
		how := "without antialiasing, as unilm does"
		if antialias {
			how = "with antialiasing, as timm does"
		}
		what = append(what, positionName+" bicubically "+how)
	}
	m.step(Step{Name: StepResize, What: windows + ": " + strings.Join(what, "; "), Lossy: true, Tensors: all})
	return nil
}

const (
	tableSuffix  = "relative_position_bias_table"
	positionName = "pos_embed"
	// tableExtra is the number of rows at the end of a table that are for the class token.
	tableExtra = 3
)

// noteAxes says where windows are not square what no program, or only one, does.
func (m *model) noteAxes(method Method, h, w, newH, newW int) {
	if h == w && newH == newW {
		return
	}
	if method == Unilm {
		m.note("unilm itself resizes tables of square windows only: here each axis is resized by itself, by the same rule")
	} else if h == newH || w == newW {
		m.note("timm moves values along the axis whose size stays, too, unless no size changes")
	}
}

// resampler resamples along one axis: it writes the wanted values to out, and reads the known ones from in; both have a stride.
type resampler interface {
	evaluate(out []float64, outStride int, in []float64, inStride int)
}

type sums []sum

func (s sums) evaluate(out []float64, outStride int, in []float64, inStride int) {
	for i, terms := range s {
		var total float64
		for _, t := range terms {
			total += float64(t.weight * in[t.at*inStride])
		}
		out[i*outStride] = total
	}
}

// grid resamples values on a grid of inH rows of inW values, each of some channels, to outH rows of outW.
type grid struct {
	y, x                 resampler
	inH, inW, outH, outW int
}

// tableGrid returns the grid of the offsets between patches.
func tableGrid(method Method, h, w, newH, newW int) grid {
	g := grid{inH: 2*h - 1, inW: 2*w - 1, outH: 2*newH - 1, outW: 2*newW - 1}
	along := func(from, to int) resampler {
		switch a := newAxis(from, to); {
		case method == Timm:
			for i, x := range a.from {
				a.from[i] = float64(float32(x)) // timm computes with these
			}
			return sums(a.linear())
		case from == to:
			return sums(kept(2*from - 1))
		default:
			return newSpline(a)
		}
	}
	g.y, g.x = along(h, newH), along(w, newW)
	return g
}

// apply returns the values of the new grid; those of the old one are in, with channels values at each point.
func (g grid) apply(in []float64, channels int) []float64 {
	rows := make([]float64, g.inH*g.outW*channels)
	for y := range g.inH {
		for c := range channels {
			g.x.evaluate(rows[y*g.outW*channels+c:], channels, in[y*g.inW*channels+c:], channels)
		}
	}
	out := make([]float64, g.outH*g.outW*channels)
	for at := range g.outW * channels {
		g.y.evaluate(out[at:], g.outW*channels, rows[at:], g.outW*channels)
	}
	return out
}

// resampled returns a tensor of another shape whose last dimension, the channels, stays. The rows before the grid and after it are copied.
func resampled(v tensor.View, shape tensor.Shape, g grid, before, after int) tensor.View {
	channels := shape[len(shape)-1]
	return tensor.View{DType: v.DType, Shape: shape, Data: lazy(func() ([]byte, error) {
		raw, err := v.Bytes()
		if err != nil {
			return nil, err
		}
		row := channels * v.DType.Size()
		values := make([]float64, g.inH*g.inW*channels)
		if err := tensor.Decode(values, v.DType, raw[before*row:len(raw)-after*row]); err != nil {
			return nil, err
		}
		middle, err := encode(g.apply(values, channels), v.DType)
		if err != nil {
			return nil, err
		}
		return slices.Concat(raw[:before*row], middle, raw[len(raw)-after*row:]), nil
	})}
}

// encode returns values as elements of a float type, each rounded once.
func encode(values []float64, dtype tensor.DType) ([]byte, error) {
	raw := make([]byte, 0, 8*len(values))
	for _, x := range values {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
	}
	cast, err := transform.Cast(tensor.View{DType: tensor.F64, Shape: tensor.Shape{len(values)}, Data: tensor.Memory(raw)}, dtype)
	if err != nil {
		return nil, err
	}
	return cast.Bytes()
}

// lazy is Data that is computed when it is read.
type lazy func() ([]byte, error)

// Bytes computes all elements.
func (l lazy) Bytes() ([]byte, error) { return l() }

// WriteTo writes what Bytes returns.
func (l lazy) WriteTo(w io.Writer) (int64, error) {
	raw, err := l()
	if err != nil {
		return 0, err
	}
	return tensor.Memory(raw).WriteTo(w)
}
