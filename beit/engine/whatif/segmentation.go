package whatif

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// Decoder are the choices of a program in what UPerNet has behind its blocks. The zero value has those of mmsegmentation.
type Decoder struct {
	// Taps and PoolScales replace those of the configuration; nil leaves them as they are.
	Taps       *[arch.Levels]arch.Tap
	PoolScales *[arch.Levels]int
	// PyramidResize is how what was pooled is resized, SumResize how a map is that is added to the next larger one, FusedResize how all are before they are
	// put together, and FullResize how logits are.
	PyramidResize, SumResize, FusedResize, FullResize ResizeKind
	// NeckActivation is that between both enlargements of the largest map; nil means GELU.
	NeckActivation func(float64) float64
	// BatchEpsilon replaces that of all batch norms; 0 leaves it as it is.
	BatchEpsilon float64
	// BatchStatistics means that batch norms take mean and variance from the pictures themselves, and NoBatchNorm that there is none.
	BatchStatistics, NoBatchNorm bool
	// NoReLU is the prefix of the modules behind whose batch norm ReLU is left out; "" leaves none out.
	NoReLU string
	// AverageNeck means that the smallest map has the means of 2 x 2 patches, not the largest values, and MaxPyramid that the pyramid has the largest, not means.
	AverageNeck, MaxPyramid bool
	// PyramidLast means that the smallest map comes behind what was pooled of it, and FusedBackwards that the smallest map comes first.
	PyramidLast, FusedBackwards bool
	// NoSums means that no map is added to the next larger one.
	NoSums bool
	// LastToken means that the last token is taken off, in place of the first, which is that of the class; Transposed that patches are counted down first.
	LastToken, Transposed bool
	// Auxiliary means that the logits are those of the auxiliary head; AuxiliaryTwice that they are resized to those of the decode head before they are to the image.
	Auxiliary, AuxiliaryTwice bool
}

// ResizeKind is a way to resize maps.
type ResizeKind int

// The ways, by where the centre of pixel i is in the other size, s times as small: Bilinear takes (i + 1/2) s - 1/2; Corners makes the centres of the outer pixels
// meet; Origin takes s i, as align_mode 1 of Paddle does; Nearest takes the pixel at s i.
const (
	Bilinear ResizeKind = iota
	Corners
	Origin
	Nearest
)

// Map has a vector for each pixel of some pictures, picture by picture and line by line.
type Map struct {
	*Rows
	Lines, Columns int
}

// MapOf returns the map of an activation, [N, channels, lines, columns].
func MapOf(values []float64, channels, lines, columns int) Map {
	area := lines * columns
	rows := RowsOf(make([]float64, len(values)), channels)
	parallel.Ranges(rows.Count, channels, func(from, to int) {
		for i := from; i < to; i++ {
			row, picture := rows.Row(i), values[i/area*area*channels:]
			for c := range row {
				row[c] = picture[c*area+i%area]
			}
		}
	})
	return Map{rows, lines, columns}
}

// pixel returns the index of a pixel of a picture.
func (m Map) pixel(picture, line, column int) int { return (picture*m.Lines+line)*m.Columns + column }

func (m Map) pictures() int { return m.Count / (m.Lines * m.Columns) }

// Segment computes a stage of UPerNet behind the blocks, from the stream behind the tapped ones, [images T, C]. stream returns it behind so many blocks.
func (v *Version) Segment(ctx context.Context, stage engine.Stage, stream func(blocks int) *Rows) (Map, error) {
	return v.segment(ctx, stage, stream, map[engine.Stage]Map{})
}

func (v *Version) segment(ctx context.Context, stage engine.Stage, stream func(blocks int) *Rows, done map[engine.Stage]Map) (Map, error) {
	if m, known := done[stage]; known {
		return m, nil
	}
	var before []Map
	switch {
	case stage.Kind == engine.Feature:
		m, err := v.Patches(stream(int(v.taps()[stage.Block]) + 1))
		if err != nil {
			return m, err
		}
		before = []Map{m}
	case v.Rules.Decoder.Auxiliary && (stage.Kind == engine.Logits || stage.Kind == engine.FullLogits):
		m, err := v.segment(ctx, engine.Stage{Kind: engine.AuxiliaryLogits}, stream, done)
		if err != nil {
			return m, err
		}
		return v.InPlace(m, stage)
	default:
		for _, from := range stage.Inputs(v.Config) {
			m, err := v.segment(ctx, from, stream, done)
			if err != nil {
				return m, err
			}
			before = append(before, m)
		}
	}
	m, err := v.Decode(ctx, stage, before...)
	done[stage] = m
	return m, err
}

// InPlace returns logits of the auxiliary head in the size of Logits or FullLogits, in whose place they are.
func (v *Version) InPlace(auxiliary Map, stage engine.Stage) (m Map, err error) {
	m = auxiliary
	if v.Rules.Decoder.AuxiliaryTwice && stage.Kind == engine.FullLogits {
		if m, err = v.InPlace(m, engine.Stage{Kind: engine.Logits}); err != nil {
			return m, err
		}
	}
	lines, columns := v.sizeOf(stage)
	return v.resized(m, lines, columns, v.Rules.Decoder.FullResize)
}

func (v *Version) taps() [arch.Levels]arch.Tap {
	if v.Rules.Decoder.Taps != nil {
		return *v.Rules.Decoder.Taps
	}
	return v.Config.Segmentation.Taps
}

// sizeOf returns the height and width of logits.
func (v *Version) sizeOf(stage engine.Stage) (lines, columns int) {
	if stage.Kind == engine.FullLogits {
		return v.Config.ImageHeight, v.Config.ImageWidth
	}
	return v.Config.LevelSize(0)
}

// Decode computes a stage behind the blocks from the maps of the stages that [engine.Stage.Inputs] names; a feature from that of Patches.
func (v *Version) Decode(ctx context.Context, stage engine.Stage, before ...Map) (Map, error) {
	switch stage.Kind {
	case engine.Feature:
		return v.neck(ctx, stage.Block, before[0])
	case engine.Lateral:
		return v.module(ctx, fmt.Sprintf("decode_head.lateral_convs.%d", stage.Block), before[0])
	case engine.Pyramid:
		return v.pyramid(ctx, before[0])
	case engine.Fused:
		return v.fused(ctx, before)
	case engine.Logits:
		return v.classified(ctx, "decode_head.", before[0])
	case engine.FullLogits:
		lines, columns := v.sizeOf(stage)
		return v.resized(before[0], lines, columns, v.Rules.Decoder.FullResize)
	}
	hidden, err := v.module(ctx, "auxiliary_head.convs.0", before[0])
	if err != nil {
		return hidden, err
	}
	return v.classified(ctx, "auxiliary_head.", hidden)
}

// once returns what compute returns, from memory if it was called with that key before: rounding is not part of keys, so that nothing is remembered then.
func (v *Version) once(key any, keeps int, compute func() (*Rows, error)) (*Rows, error) {
	if v.Rules.Round != nil {
		return compute()
	}
	return v.remember(key, keeps, compute)
}

// Patches returns the stream behind a block without the token of the class.
func (v *Version) Patches(stream *Rows) (Map, error) {
	lines, columns := v.Config.Window()
	last, turned := v.Rules.Decoder.LastToken, v.Rules.Decoder.Transposed
	rows, err := v.once([3]any{stream, last, turned}, len(stream.Values), func() (*Rows, error) {
		tokens, patches := v.Config.Tokens(), lines*columns
		var picked []int
		for image := range stream.Count / tokens {
			for i := range patches {
				at := i
				if turned {
					at = i%columns*lines + i/columns
				}
				if !last {
					at++
				}
				picked = append(picked, image*tokens+at)
			}
		}
		return stream.Pick(picked), nil
	})
	return Map{rows, lines, columns}, err
}

// neck returns a map of the pyramid of features.
func (v *Version) neck(ctx context.Context, level int, x Map) (Map, error) {
	switch level {
	case 0:
		x, err := v.enlarged(ctx, "fpn1.0", x)
		if err != nil {
			return x, err
		}
		if x, err = v.batchNorm("fpn1.1", x); err != nil {
			return x, err
		}
		x.Rows = apply(x.Rows, v.Rules.Decoder.NeckActivation)
		v.round(x)
		return v.enlarged(ctx, "fpn1.3", x)
	case 1:
		return v.enlarged(ctx, "fpn2.0", x)
	case arch.Levels - 1:
		return v.halved(x)
	}
	return x, nil
}

func (v *Version) round(x Map) {
	if v.Rules.Round != nil {
		v.Rules.Round(x.Values)
	}
}

// enlarged returns a map twice as high and wide: a transposed convolution of 2 x 2, whose weight is [in, out, 2, 2].
func (v *Version) enlarged(ctx context.Context, name string, x Map) (Map, error) {
	weight, err := v.Tensor(name + ".weight")
	if err != nil {
		return x, err
	}
	bias, err := v.Tensor(name + ".bias")
	if err != nil {
		return x, err
	}
	y := Map{Lines: 2 * x.Lines, Columns: 2 * x.Columns}
	y.Rows, err = v.once([3]any{x.Rows, weight, bias}, len(x.Values)+weight.held(), func() (*Rows, error) {
		const corners = 4
		out := weight.Shape[1]
		// Row corner out + o of this matrix computes channel o of that corner.
		matrix := make([]float64, 0, len(weight.Values()))
		for corner := range corners {
			for o := range out {
				for in := range x.Width {
					matrix = append(matrix, weight.Values()[(in*out+o)*corners+corner])
				}
			}
		}
		quads, err := v.product(ctx, x.Rows, NewTensor(tensor.Shape{corners * out, x.Width}, matrix), v.Rules.Round)
		if err != nil {
			return nil, err
		}
		values := make([]float64, corners*x.Count*out)
		y.Rows = RowsOf(values, out)
		for i := range x.Count {
			picture, line, column := i/(x.Lines*x.Columns), i/x.Columns%x.Lines, i%x.Columns
			for corner := range corners {
				row := y.Row(y.pixel(picture, 2*line+corner/2, 2*column+corner%2))
				for o, b := range bias.Values() {
					row[o] = quads.Row(i)[corner*out+o] + b
				}
			}
		}
		v.round(y)
		return y.Rows, nil
	})
	return y, err
}

// halved returns a map half as high and wide, of the largest of each 2 x 2 vectors, or of their means.
func (v *Version) halved(x Map) (Map, error) {
	y := Map{Lines: x.Lines / 2, Columns: x.Columns / 2}
	mean := v.Rules.Decoder.AverageNeck
	var err error
	y.Rows, err = v.once([3]any{x.Rows, "halved", mean}, len(x.Values), func() (*Rows, error) {
		y.Rows = RowsOf(make([]float64, x.pictures()*y.Lines*y.Columns*x.Width), x.Width)
		for i := range y.Count {
			picture, line, column := i/(y.Lines*y.Columns), i/y.Columns%y.Lines, i%y.Columns
			x.gather(y.Row(i), picture, [4]int{2 * line, 2*line + 2, 2 * column, 2*column + 2}, !mean)
		}
		v.round(y)
		return y.Rows, nil
	})
	return y, err
}

// gather writes the means of the pixels in a window, [top, bottom, left, right), or the largest of them.
func (m Map) gather(into []float64, picture int, window [4]int, largest bool) {
	count := float64((window[1] - window[0]) * (window[3] - window[2]))
	for c := range into {
		into[c] = 0
		if largest {
			into[c] = math.Inf(-1)
		}
	}
	for line := window[0]; line < window[1]; line++ {
		for column := window[2]; column < window[3]; column++ {
			for c, value := range m.Row(m.pixel(picture, line, column)) {
				if largest {
					into[c] = max(into[c], value)
				} else {
					into[c] += value / count
				}
			}
		}
	}
}

// convolutionKey identifies a convolution of some maps, one behind the other.
type convolutionKey struct {
	maps   [1 + arch.Levels]*Rows
	lines  int
	weight *Tensor
}

// convolved returns the convolution of some maps of the same size, one behind the other, with a weight, [out, in, side, side], without bias.
func (v *Version) convolved(ctx context.Context, weight *Tensor, maps ...Map) (Map, error) {
	key, width := convolutionKey{lines: maps[0].Lines, weight: weight}, 0
	for i, x := range maps {
		key.maps[i] = x.Rows
		width += x.Width
	}
	count, side := maps[0].Count, weight.Shape[2]
	rows, err := v.once(key, count*width+weight.held(), func() (*Rows, error) {
		const most = 1 << 22 // values of the pixels that a product takes at once
		tile := max(64, most/(width*side*side))
		out := make([]float64, 0, count*weight.Shape[0])
		for from := 0; from < count; from += tile {
			to := min(count, from+tile)
			around := RowsOf(make([]float64, (to-from)*width*side*side), width*side*side)
			parallel.Ranges(to-from, around.Width, func(first, last int) {
				for i := first; i < last; i++ {
					surround(around.Row(i), from+i, side, maps)
				}
			})
			part, err := v.product(ctx, around, weight, v.Rules.Round)
			if err != nil {
				return nil, err
			}
			out = append(out, part.Values...)
		}
		return RowsOf(out, weight.Shape[0]), nil
	})
	return Map{rows, maps[0].Lines, maps[0].Columns}, err
}

// surround writes what a kernel sees around a pixel: [channels, side, side], zero outside.
func surround(into []float64, pixel, side int, maps []Map) {
	x := maps[0]
	picture, line, column := pixel/(x.Lines*x.Columns), pixel/x.Columns%x.Lines, pixel%x.Columns
	area := side * side
	for place := range area {
		y, z := line+place/side-side/2, column+place%side-side/2
		if y < 0 || y >= x.Lines || z < 0 || z >= x.Columns {
			continue
		}
		at := place
		for _, m := range maps {
			for _, value := range m.Row(m.pixel(picture, y, z)) {
				into[at] = value
				at += area
			}
		}
	}
}

// moduleKey identifies a convolution with batch norm and ReLU.
type moduleKey struct {
	x          *Rows
	parameters [4]*Tensor
	epsilon    float64
	of         [3]bool
}

// batchNorm normalises each channel.
func (v *Version) batchNorm(name string, x Map) (Map, error) {
	return v.normed(name, x, false)
}

// normed is a batch norm, and ReLU behind it if rectified.
func (v *Version) normed(name string, x Map, rectified bool) (Map, error) {
	r := &reader{version: v, prefix: name + "."}
	parameters := [4]*Tensor{r.tensor("weight"), r.tensor("bias"), r.tensor("running_mean"), r.tensor("running_var")}
	if r.err != nil {
		return x, r.err
	}
	d := v.Rules.Decoder
	epsilon := d.BatchEpsilon
	if epsilon == 0 {
		epsilon = arch.BatchNormEpsilon
	}
	key := moduleKey{x.Rows, parameters, epsilon, [3]bool{rectified, d.BatchStatistics, d.NoBatchNorm}}
	rows, err := v.once(key, len(x.Values), func() (*Rows, error) {
		scale, shift := make([]float64, x.Width), make([]float64, x.Width)
		mean, variance := parameters[2].Values(), parameters[3].Values()
		if d.BatchStatistics {
			mean, variance = x.statistics()
		}
		for c := range scale {
			scale[c] = parameters[0].Values()[c] / math.Sqrt(variance[c]+epsilon)
			shift[c] = parameters[1].Values()[c] - mean[c]*scale[c]
			if d.NoBatchNorm {
				scale[c], shift[c] = 1, 0
			}
		}
		y := Map{RowsOf(make([]float64, len(x.Values)), x.Width), x.Lines, x.Columns}
		for i, value := range x.Values {
			value = value*scale[i%x.Width] + shift[i%x.Width]
			if rectified {
				value = max(0, value)
			}
			y.Values[i] = value
		}
		v.round(y)
		return y.Rows, nil
	})
	return Map{rows, x.Lines, x.Columns}, err
}

// statistics returns mean and variance of each channel over all pixels of all pictures.
func (m Map) statistics() (mean, variance []float64) {
	mean, variance = make([]float64, m.Width), make([]float64, m.Width)
	for i, value := range m.Values {
		mean[i%m.Width] += value / float64(m.Count)
	}
	for i, value := range m.Values {
		off := value - mean[i%m.Width]
		variance[i%m.Width] += off * off / float64(m.Count)
	}
	return mean, variance
}

// module is a convolution of some maps, a batch norm and ReLU.
func (v *Version) module(ctx context.Context, name string, maps ...Map) (Map, error) {
	weight, err := v.Tensor(name + ".conv.weight")
	if err != nil {
		return Map{}, err
	}
	x, err := v.convolved(ctx, weight, maps...)
	if err != nil {
		return x, err
	}
	without := v.Rules.Decoder.NoReLU
	return v.normed(name+".bn", x, without == "" || !strings.HasPrefix(name, without))
}

// pyramid adds to a map what is pooled of it.
func (v *Version) pyramid(ctx context.Context, x Map) (Map, error) {
	d, maps := v.Rules.Decoder, []Map{x}
	scales := v.Config.Segmentation.PoolScales
	if d.PoolScales != nil {
		scales = *d.PoolScales
	}
	for i, side := range scales {
		pooled, err := v.pooled(x, side)
		if err != nil {
			return x, err
		}
		if pooled, err = v.module(ctx, fmt.Sprintf("decode_head.psp_modules.%d.1", i), pooled); err != nil {
			return x, err
		}
		if pooled, err = v.resized(pooled, x.Lines, x.Columns, d.PyramidResize); err != nil {
			return x, err
		}
		maps = append(maps, pooled)
	}
	if d.PyramidLast {
		maps = append(maps[1:], x)
	}
	return v.module(ctx, "decode_head.bottleneck", maps...)
}

// pooled returns side x side means of windows of a map, or the largest values there. The windows are those of PyTorch's adaptive_avg_pool2d.
func (v *Version) pooled(x Map, side int) (Map, error) {
	largest := v.Rules.Decoder.MaxPyramid
	rows, err := v.once([4]any{x.Rows, "pooled", side, largest}, len(x.Values), func() (*Rows, error) {
		y := Map{RowsOf(make([]float64, x.pictures()*side*side*x.Width), x.Width), side, side}
		edges := func(i, length int) (from, to int) { return i * length / side, ((i+1)*length + side - 1) / side }
		for i := range y.Count {
			top, bottom := edges(i/side%side, x.Lines)
			left, right := edges(i%side, x.Columns)
			x.gather(y.Row(i), i/(side*side), [4]int{top, bottom, left, right}, largest)
		}
		v.round(y)
		return y.Rows, nil
	})
	return Map{rows, side, side}, err
}

// fused adds the smaller maps to the larger ones and makes one of all.
func (v *Version) fused(ctx context.Context, maps []Map) (Map, error) {
	d := v.Rules.Decoder
	maps = append([]Map(nil), maps...)
	largest := maps[0]
	for level := len(maps) - 1; level > 0 && !d.NoSums; level-- {
		wide, err := v.resized(maps[level], maps[level-1].Lines, maps[level-1].Columns, d.SumResize)
		if err != nil {
			return wide, err
		}
		rows, err := v.once([3]any{maps[level-1].Rows, "sum", wide.Rows}, 2*len(wide.Values), func() (*Rows, error) {
			sum := Map{Rows: add(maps[level-1].Rows, wide.Rows, nil)}
			v.round(sum)
			return sum.Rows, nil
		})
		if err != nil {
			return wide, err
		}
		maps[level-1].Rows = rows
	}
	for level := range maps {
		var err error
		if level < len(maps)-1 {
			if maps[level], err = v.module(ctx, fmt.Sprintf("decode_head.fpn_convs.%d", level), maps[level]); err != nil {
				return largest, err
			}
		}
		if maps[level], err = v.resized(maps[level], largest.Lines, largest.Columns, d.FusedResize); err != nil {
			return largest, err
		}
	}
	if d.FusedBackwards {
		maps[0], maps[1], maps[2], maps[3] = maps[3], maps[2], maps[1], maps[0]
	}
	return v.module(ctx, "decode_head.fpn_bottleneck", maps...)
}

// classified returns the logits of a head.
func (v *Version) classified(ctx context.Context, head string, x Map) (Map, error) {
	r := &reader{version: v, prefix: head + "conv_seg."}
	weight, bias := r.tensor("weight"), r.tensor("bias")
	if r.err != nil {
		return x, r.err
	}
	logits, err := v.linear(ctx, x.Rows, weight, bias.Values())
	if err != nil || v.Rules.Output == Logits {
		return Map{logits, x.Lines, x.Columns}, err
	}
	changed := RowsOf(append([]float64(nil), logits.Values...), logits.Width)
	for i := range changed.Count {
		v.Rules.Output.change(changed.Row(i))
	}
	return Map{changed, x.Lines, x.Columns}, nil
}

// spot is a place between two pixels: share of the way from the lower to the upper one.
type spot struct {
	lower, upper int
	share        float64
}

// spots returns where to pixels are among from pixels.
func (k ResizeKind) spots(from, to int) []spot {
	all := make([]spot, to)
	for i := range all {
		place := float64(i) * float64(from) / float64(to)
		switch k {
		case Bilinear:
			place = max(0, (float64(i)+0.5)*float64(from)/float64(to)-0.5)
		case Corners:
			place = float64(i) * (float64(from-1) / float64(max(1, to-1))) // in this order, as PyTorch
		case Nearest:
			place = math.Floor(place)
		}
		lower := min(int(place), from-1)
		all[i] = spot{lower, min(lower+1, from-1), place - float64(lower)}
	}
	return all
}

// resized returns a map in another size.
func (v *Version) resized(x Map, lines, columns int, kind ResizeKind) (Map, error) {
	rows, err := v.once([5]any{x.Rows, x.Lines, lines, columns, kind}, len(x.Values), func() (*Rows, error) {
		y := Map{RowsOf(make([]float64, x.pictures()*lines*columns*x.Width), x.Width), lines, columns}
		down, across := kind.spots(x.Lines, lines), kind.spots(x.Columns, columns)
		parallel.Ranges(y.Count, x.Width, func(from, to int) {
			for i := from; i < to; i++ {
				picture, d, a := i/(lines*columns), down[i/columns%lines], across[i%columns]
				row := y.Row(i)
				upperLeft, upperRight := x.Row(x.pixel(picture, d.lower, a.lower)), x.Row(x.pixel(picture, d.lower, a.upper))
				lowerLeft, lowerRight := x.Row(x.pixel(picture, d.upper, a.lower)), x.Row(x.pixel(picture, d.upper, a.upper))
				for c := range row {
					top := upperLeft[c]*(1-a.share) + upperRight[c]*a.share
					bottom := lowerLeft[c]*(1-a.share) + lowerRight[c]*a.share
					row[c] = top*(1-d.share) + bottom*d.share
				}
			}
		})
		v.round(y)
		return y.Rows, nil
	})
	return Map{rows, lines, columns}, err
}
