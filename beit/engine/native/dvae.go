package native

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/tensor"
)

// dvae is a part of a dVAE. Source: openai/DALL-E dall_e/encoder.py and decoder.py. Forward computes one picture after the other, so that its memory does not
// grow with the batch; with a tap, which sees a stage of all pictures at once, it keeps the result of a stage for each.
type dvae[T gemm.Float] struct {
	config  arch.Config
	threads int
	round   func([]T)
	shapes  []arch.ConvolutionBlock
	// input is the first convolution of the encoder. That of the decoder, whose input is one of visual tokens, is a table: codes, [Classes, InitDim].
	input  convolution[T]
	codes  []T
	blocks []convolutionBlock[T]
	output convolution[T]
}

// convolutionBlock is a block of a dVAE: id(x) + gain path(x).
type convolutionBlock[T gemm.Float] struct {
	// id is nil if the block does not change the width.
	id   *convolution[T]
	path [4]convolution[T]
}

// inputSide is the side of the first convolution of an encoder.
const inputSide = 7

func newDVAE[T gemm.Float](config arch.Config, threads int, round func([]T)) *dvae[T] {
	return &dvae[T]{config: config, threads: threads, round: round, shapes: config.ConvolutionBlocks()}
}

// dvae reads all parameters, several blocks at once.
func (l *loader[T]) dvae(ctx context.Context, threads int) (forwarder, error) {
	m := newDVAE(l.config, threads, l.round)
	m.blocks = make([]convolutionBlock[T], len(m.shapes))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(threads)
	group.Go(func() error { return m.readInput(l) })
	for i := range m.blocks {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			m.blocks[i], err = l.convolutionBlock(m.shapes[i], 1)
			return err
		})
	}
	group.Go(func() error { return m.readOutput(l) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *dvae[T]) readInput(l *loader[T]) (err error) {
	if m.config.Kind == arch.DVAEEncoder {
		m.input, err = l.convolution("blocks.input.", m.config.EmbedDim, m.config.Channels, inputSide)
		return err
	}
	var weight, bias []T
	if err := l.vectors(map[string]*[]T{"blocks.input.w": &weight, "blocks.input.b": &bias}); err != nil {
		return err
	}
	classes := m.config.Classes
	m.codes = make([]T, classes*len(bias))
	for i, b := range bias {
		for code := range classes {
			m.codes[code*len(bias)+i] = weight[i*classes+code] + b
		}
	}
	if m.round != nil {
		m.round(m.codes)
	}
	return nil
}

func (m *dvae[T]) readOutput(l *loader[T]) (err error) {
	out := m.config.Classes
	if m.config.Kind == arch.DVAEDecoder {
		out = 2 * m.config.Channels
	}
	m.output, err = l.convolution("blocks.output.conv.", out, m.shapes[len(m.shapes)-1].Out, 1)
	return err
}

// convolutionBlock reads a block, several parameters at once.
func (l *loader[T]) convolutionBlock(shape arch.ConvolutionBlock, threads int) (b convolutionBlock[T], err error) {
	var group errgroup.Group
	group.SetLimit(threads)
	if shape.In != shape.Out {
		b.id = new(convolution[T])
		group.Go(func() (err error) {
			*b.id, err = l.convolution(shape.Prefix+"id_path.", shape.Out, shape.In, 1)
			return err
		})
	}
	widths := [...]int{shape.In, shape.Hidden, shape.Hidden, shape.Hidden, shape.Out}
	for i, side := range shape.Kernels {
		group.Go(func() (err error) {
			b.path[i], err = l.convolution(fmt.Sprintf("%sres_path.conv_%d.", shape.Prefix, i+1), widths[i+1], widths[i], side)
			return err
		})
	}
	return b, group.Wait()
}

// Forward implements [engine.Model]. When ctx ends, it stops inside a convolution.
func (m *dvae[T]) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (last engine.Activation, err error) {
	images, err := engine.Images(m.config, input)
	if err != nil {
		return last, err
	}
	work := newPlanes[T](m.threads)
	if tap != nil {
		return m.run(ctx, work, input, images, tap)
	}
	return oneByOne(input, images, func(one engine.Input) (engine.Activation, error) { return m.run(ctx, work, one, 1, nil) })
}

// oneByOne returns what compute returns of each image, together.
func oneByOne(input engine.Input, images int, compute func(one engine.Input) (engine.Activation, error)) (all engine.Activation, err error) {
	for n := range images {
		one, err := compute(oneOf(input, images, n))
		if err != nil {
			return one, err
		}
		if all.Values == nil {
			all = one
			all.Shape[0], all.Values = images, make([]float64, 0, images*len(one.Values))
		}
		all.Values = append(all.Values, one.Values...)
	}
	return all, nil
}

// oneOf returns image n of a batch without a mask.
func oneOf(input engine.Input, images, n int) engine.Input {
	pixels, tokens := len(input.Pixels)/images, len(input.Tokens)/images
	return engine.Input{Pixels: input.Pixels[n*pixels : (n+1)*pixels], Tokens: input.Tokens[n*tokens : (n+1)*tokens]}
}

// run computes all images stage by stage.
func (m *dvae[T]) run(ctx context.Context, work *planes[T], input engine.Input, images int, tap engine.Tap) (last engine.Activation, err error) {
	all := make([]*plane[T], images)
	see := func(stage engine.Stage) error {
		if tap == nil {
			return nil
		}
		return tap(pictures(stage, all))
	}
	for n := range all {
		if all[n], err = m.embed(ctx, work, oneOf(input, images, n)); err != nil {
			return last, err
		}
	}
	if err := see(engine.Stage{Kind: engine.Embed}); err != nil {
		return last, err
	}
	for i := range m.blocks {
		for n := range all {
			if all[n], err = m.block(ctx, work, i, &m.blocks[i], all[n]); err != nil {
				return last, err
			}
		}
		if err := see(engine.Stage{Kind: engine.Block, Block: i}); err != nil {
			return last, err
		}
	}
	for n := range all {
		if all[n], err = m.finish(ctx, work, all[n]); err != nil {
			return last, err
		}
	}
	if err := see(m.outputStage()); err != nil {
		return last, err
	}
	last = m.result(all)
	if tap != nil {
		seen := last
		seen.Shape, seen.Values = append(tensor.Shape(nil), last.Shape...), append([]float64(nil), last.Values...)
		err = tap(seen)
	}
	return last, err
}

// outputStage is that of the last convolution.
func (m *dvae[T]) outputStage() engine.Stage {
	if m.config.Kind == arch.DVAEDecoder {
		return engine.Stage{Kind: engine.Decoded}
	}
	return engine.Stage{Kind: engine.Logits}
}

// embed returns the result of the first convolution for one image. The error is that of ctx.
func (m *dvae[T]) embed(ctx context.Context, work *planes[T], input engine.Input) (*plane[T], error) {
	c := m.config
	if c.Kind == arch.DVAEDecoder {
		height, width := c.Window()
		y := work.take(geometry{height, width, c.InitDim, 1})
		for i, token := range input.Tokens {
			copy(y.pixel(i/width, i%width), m.codes[int(token)*c.InitDim:])
		}
		return y, nil
	}
	x := work.take(geometry{c.ImageHeight, c.ImageWidth, c.Channels, inputSide / 2})
	defer work.free(x)
	fill(x, input.Pixels)
	if m.round != nil {
		m.round(x.data)
	}
	y := work.take(geometry{c.ImageHeight, c.ImageWidth, c.EmbedDim, 1})
	return y, m.input.apply(ctx, work, y, x, nil)
}

// block computes block i from what the one before it returned, and takes its memory. The error is that of ctx.
func (m *dvae[T]) block(ctx context.Context, work *planes[T], i int, b *convolutionBlock[T], x *plane[T]) (out *plane[T], err error) {
	if i > 0 && m.shapes[i-1].Last {
		resize := work.halved
		if m.config.Kind == arch.DVAEDecoder {
			resize = work.doubled
		}
		if x, err = resize(ctx, x); err != nil {
			return nil, err
		}
	}
	inside, err := work.rectified(ctx, x)
	if err != nil {
		return nil, err
	}
	if b.id != nil {
		out = work.take(geometry{x.height, x.width, m.shapes[i].Out, x.pad})
		if err := b.id.apply(ctx, work, out, x, nil); err != nil {
			return nil, err
		}
		work.free(x)
		x = out
	}
	for k := range 3 {
		next := work.take(geometry{x.height, x.width, m.shapes[i].Hidden, x.pad})
		if err := b.path[k].apply(ctx, work, next, inside, rectify); err != nil {
			return nil, err
		}
		work.free(inside)
		inside = next
	}
	err = b.path[3].apply(ctx, work, x, inside, m.add)
	work.free(inside)
	return x, err
}

// add adds what a path returned to what goes by it.
func (m *dvae[T]) add(into, results []T) {
	gain := T(m.config.PostGain())
	into = into[:len(results)]
	if m.round == nil {
		for i, v := range results {
			into[i] += gain * v
		}
		return
	}
	for i := range results {
		results[i] *= gain
	}
	m.round(results)
	for i, v := range results {
		into[i] += v
	}
	m.round(into)
}

// finish computes the last convolution, and takes the memory of x. The error is that of ctx.
func (m *dvae[T]) finish(ctx context.Context, work *planes[T], x *plane[T]) (*plane[T], error) {
	inside, err := work.rectified(ctx, x)
	if err != nil {
		return nil, err
	}
	work.free(x)
	defer work.free(inside)
	y := work.take(geometry{inside.height, inside.width, m.output.out, 0})
	return y, m.output.apply(ctx, work, y, inside, nil)
}

// result returns what a dVAE is used for: visual tokens, or pictures.
func (m *dvae[T]) result(all []*plane[T]) engine.Activation {
	if m.config.Kind == arch.DVAEEncoder {
		stage := engine.Stage{Kind: engine.Tokens}
		a := engine.Activation{Name: stage.String(), Shape: tensor.Shape{len(all), m.config.Patches()}}
		for _, x := range all {
			for i := range m.config.Patches() {
				a.Values = append(a.Values, largest(x.pixel(i/x.width, i%x.width)))
			}
		}
		return a
	}
	stage := engine.Stage{Kind: engine.Picture}
	a := pictures(stage, all)
	a.Shape[1] = m.config.Channels
	one := m.config.Channels * m.config.ImageHeight * m.config.ImageWidth
	for n := range all {
		shown := a.Values[n*one : (n+1)*one]
		for i, v := range a.Values[2*n*one : (2*n+1)*one] {
			shown[i] = visible(v, m.round)
		}
	}
	a.Values = a.Values[:len(all)*one]
	return a
}

// largest returns the index of the largest value, of the first one if several are, and NaN if one is not finite: nothing is chosen by such logits.
func largest[T gemm.Float](values []T) float64 {
	best := 0
	for i, v := range values {
		if v-v != 0 {
			return math.NaN()
		}
		if v > values[best] {
			best = i
		}
	}
	return float64(best)
}

// visible returns a sample of a picture, in [0, 1], of what a dVAE's decoder says of it: the encoder was shown 0.8 x + 0.1 (openai/DALL-E dall_e/utils.py).
func visible[T gemm.Float](decoded float64, round func([]T)) float64 {
	steps := []func(v T) T{
		func(v T) T { return T(1 / (1 + math.Exp(-float64(v)))) },
		func(v T) T { return v - T(mapOffset) },
		func(v T) T { return v / T(mapScale) },
	}
	value := []T{T(decoded)}
	for _, step := range steps {
		value[0] = step(value[0])
		if round != nil {
			round(value)
		}
	}
	return max(0, min(1, float64(value[0])))
}

// mapScale and mapOffset are those of the samples that a dVAE sees.
const mapScale, mapOffset = 0.8, 0.1

// pictures returns planes as the activation of a stage.
func pictures[T gemm.Float](stage engine.Stage, all []*plane[T]) engine.Activation {
	x := all[0]
	one := x.channels * x.height * x.width
	a := engine.Activation{Name: stage.String(), Shape: tensor.Shape{len(all), x.channels, x.height, x.width}, Values: make([]float64, len(all)*one)}
	for n, x := range all {
		planar(a.Values[n*one:(n+1)*one], x)
	}
	return a
}
