package native

import (
	"context"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// upernet is a BEiT with UPerNet. Sources: microsoft/unilm beit/semantic_segmentation/backbone/beit.py, open-mmlab/mmsegmentation
// mmseg/models/decode_heads/uper_head.py and fcn_head.py. Forward computes one picture after the other, as that of a dVAE does.
type upernet[T gemm.Float] struct {
	config  arch.Config
	threads int
	round   func([]T)
	// backbone has the blocks.
	backbone *model[T]
	// fourfold are the two enlargements of the largest map, with a batch norm and GELU between them, and twofold is that of the next.
	fourfold [2]enlargement[T]
	twofold  enlargement[T]
	pools    [arch.Levels]module[T]
	// bottleneck is the convolution of the smallest map and of what was pooled of it, and merge that of all maps.
	bottleneck, merge   module[T]
	laterals, outputs   [arch.Levels - 1]module[T]
	classifier          convolution[T]
	auxiliary           module[T]
	auxiliaryClassifier convolution[T]
}

// module is a convolution of several planes one behind the other, a batch norm, and ReLU. The convolution is the sum of those of each plane, so they need not be
// put together. The last one has the batch norm.
type module[T gemm.Float] []convolution[T]

// enlargement makes 2 x 2 pixels of each: a convolution for each of the four.
type enlargement[T gemm.Float] [4]convolution[T]

func newUPerNet[T gemm.Float](config arch.Config, threads int, round func([]T)) *upernet[T] {
	return &upernet[T]{config: config, threads: threads, round: round, backbone: &model[T]{config: config.Backbone(), threads: threads, round: round}}
}

// upernet reads all parameters, several at once.
func (l *loader[T]) upernet(ctx context.Context, threads int) (forwarder, error) {
	m := newUPerNet(l.config, threads, l.round)
	var err error
	if m.backbone, err = l.part(l.config.Backbone(), "").model(ctx, threads); err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(threads)
	for _, stage := range engine.Stages(l.config) {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return m.read(l, stage)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return m, nil
}

// read reads the parameters of a stage behind the blocks.
func (m *upernet[T]) read(l *loader[T], stage engine.Stage) (err error) {
	s, dim := m.config.Segmentation, m.config.EmbedDim
	switch stage.Kind {
	case engine.Feature:
		return m.readNeck(l, stage.Block)
	case engine.Lateral:
		m.laterals[stage.Block], err = l.module(fmt.Sprintf("decode_head.lateral_convs.%d", stage.Block), s.Channels, []int{dim}, 1)
	case engine.Pyramid:
		for i := range m.pools {
			if m.pools[i], err = l.module(fmt.Sprintf("decode_head.psp_modules.%d.1", i), s.Channels, []int{dim}, 1); err != nil {
				return err
			}
		}
		m.bottleneck, err = l.module("decode_head.bottleneck", s.Channels, append([]int{dim}, slices.Repeat([]int{s.Channels}, arch.Levels)...), 3)
	case engine.Fused:
		for i := range m.outputs {
			if m.outputs[i], err = l.module(fmt.Sprintf("decode_head.fpn_convs.%d", i), s.Channels, []int{s.Channels}, 3); err != nil {
				return err
			}
		}
		m.merge, err = l.module("decode_head.fpn_bottleneck", s.Channels, slices.Repeat([]int{s.Channels}, arch.Levels), 3)
	case engine.Logits:
		m.classifier, err = l.biased("decode_head.conv_seg.weight", "decode_head.conv_seg.bias", m.config.Classes, s.Channels, 1)
	case engine.AuxiliaryLogits:
		if m.auxiliary, err = l.module("auxiliary_head.convs.0", s.AuxiliaryChannels, []int{dim}, 3); err != nil {
			return err
		}
		m.auxiliaryClassifier, err = l.biased("auxiliary_head.conv_seg.weight", "auxiliary_head.conv_seg.bias", m.config.Classes, s.AuxiliaryChannels, 1)
	}
	return err
}

// readNeck reads what makes a map of the tokens of a block.
func (m *upernet[T]) readNeck(l *loader[T], level int) (err error) {
	switch level {
	case 0:
		if m.fourfold[0], err = l.enlargement("fpn1.0."); err != nil {
			return err
		}
		scale, shift, err := l.batchNorm("fpn1.1.")
		if err != nil {
			return err
		}
		for i := range m.fourfold[0] {
			m.fourfold[0][i].scale, m.fourfold[0][i].shift = scale, shift
		}
		m.fourfold[1], err = l.enlargement("fpn1.3.")
		return err
	case 1:
		m.twofold, err = l.enlargement("fpn2.0.")
	}
	return err
}

// module reads a convolution, of planes with so many channels, and its batch norm.
func (l *loader[T]) module(name string, out int, channels []int, side int) (module[T], error) {
	parts, err := l.kernels(name+".conv.weight", out, channels, side)
	if err != nil {
		return nil, err
	}
	m := make(module[T], len(parts))
	for i, lines := range parts {
		m[i] = convolution[T]{lines: lines, out: out, side: side}
	}
	last := &m[len(m)-1]
	last.round = l.round
	last.scale, last.shift, err = l.batchNorm(name + ".bn.")
	return m, err
}

// batchNorm reads a batch norm and returns it as a factor and a summand of each channel, which are computed in float64 and then rounded.
func (l *loader[T]) batchNorm(prefix string) (scale, shift []T, err error) {
	var mean, variance []T
	err = l.vectors(map[string]*[]T{prefix + "weight": &scale, prefix + "bias": &shift, prefix + "running_mean": &mean, prefix + "running_var": &variance})
	if err != nil {
		return nil, nil, err
	}
	for i, v := range variance {
		factor := float64(scale[i]) / math.Sqrt(float64(v)+arch.BatchNormEpsilon)
		scale[i], shift[i] = T(factor), T(float64(shift[i])-float64(mean[i])*factor)
	}
	return scale, shift, nil
}

// enlargement reads prefix + "weight", [in, out, 2, 2], and prefix + "bias".
func (l *loader[T]) enlargement(prefix string) (e enlargement[T], err error) {
	dim := l.config.EmbedDim
	var weight, bias []T
	if err := l.vectors(map[string]*[]T{prefix + "weight": &weight, prefix + "bias": &bias}); err != nil {
		return e, err
	}
	stride := newPlane[T](geometry{1, 1, dim, 0}).stride
	for i := range e {
		matrix := l.memory.take(matrixShape{out: dim, in: stride})
		err := matrix.FillTransposedBy(dim, stride, func(lines []T, first int) error {
			clear(lines)
			for o := range len(lines) / stride {
				for in := range dim {
					lines[o*stride+in] = weight[(in*dim+first+o)*len(e)+i]
				}
			}
			return nil
		})
		if err != nil {
			return e, err
		}
		e[i] = convolution[T]{lines: []*gemm.Matrix[T]{matrix}, bias: bias, out: dim, side: 1, round: l.round}
	}
	return e, nil
}

// Forward implements [engine.Model]. When ctx ends, it stops inside a block or a convolution.
func (m *upernet[T]) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	images, err := engine.Images(m.config, input)
	if err != nil {
		return engine.Activation{}, err
	}
	work := newPlanes[T](m.threads)
	if tap != nil {
		return m.run(ctx, work, input, images, tap)
	}
	return oneByOne(input, images, func(one engine.Input) (engine.Activation, error) { return m.run(ctx, work, one, 1, nil) })
}

// run computes all images stage by stage.
func (m *upernet[T]) run(ctx context.Context, work *planes[T], input engine.Input, images int, tap engine.Tap) (last engine.Activation, err error) {
	levels, err := m.tapped(ctx, work, input, images, tap)
	if err != nil {
		return last, err
	}
	for level, tokens := range levels {
		levels[level], err = m.each(images, tap, engine.Stage{Kind: engine.Feature, Block: level}, func(n int) (*plane[T], error) {
			return m.neck(ctx, work, level, tokens[n])
		})
		if err != nil {
			return last, err
		}
	}
	middle := levels[2]
	if err := m.narrow(ctx, work, &levels, images, tap); err != nil {
		return last, err
	}
	fused, err := m.each(images, tap, engine.Stage{Kind: engine.Fused}, func(n int) (*plane[T], error) {
		return m.fuse(ctx, work, []*plane[T]{levels[0][n], levels[1][n], levels[2][n], levels[3][n]})
	})
	if err != nil {
		return last, err
	}
	logits, err := m.each(images, tap, engine.Stage{Kind: engine.Logits}, func(n int) (*plane[T], error) { return m.classify(ctx, work, &m.classifier, fused[n]) })
	if err != nil {
		return last, err
	}
	work.freeAll(fused)
	last = pictures(engine.Stage{Kind: engine.Logits}, logits)
	if tap != nil {
		err = m.more(ctx, work, logits, middle, tap)
	}
	work.freeAll(logits)
	work.freeAll(middle)
	return last, err
}

// each computes a stage of all images, and shows it to the tap.
func (m *upernet[T]) each(images int, tap engine.Tap, stage engine.Stage, compute func(n int) (*plane[T], error)) ([]*plane[T], error) {
	all := make([]*plane[T], images)
	for n := range all {
		var err error
		if all[n], err = compute(n); err != nil {
			return nil, err
		}
	}
	if tap == nil {
		return all, nil
	}
	return all, tap(pictures(stage, all))
}

// narrow replaces the maps by those that the decode head adds up, and frees all but the one that the auxiliary head takes.
func (m *upernet[T]) narrow(ctx context.Context, work *planes[T], levels *[arch.Levels][]*plane[T], images int, tap engine.Tap) (err error) {
	for level, features := range levels[:arch.Levels-1] {
		levels[level], err = m.each(images, tap, engine.Stage{Kind: engine.Lateral, Block: level}, func(n int) (*plane[T], error) {
			return m.laterals[level].apply(ctx, work, features[n])
		})
		if err != nil {
			return err
		}
		if level != 2 {
			work.freeAll(features)
		}
	}
	top := &levels[arch.Levels-1]
	features := *top
	*top, err = m.each(images, tap, engine.Stage{Kind: engine.Pyramid}, func(n int) (*plane[T], error) { return m.pyramid(ctx, work, features[n]) })
	return err
}

// more shows a tap what only taps see.
func (m *upernet[T]) more(ctx context.Context, work *planes[T], logits, middle []*plane[T], tap engine.Tap) error {
	full, err := m.full(ctx, logits)
	if err != nil {
		return err
	}
	if err := tap(full); err != nil || m.config.Segmentation.AuxiliaryChannels == 0 {
		return err
	}
	_, err = m.each(len(middle), tap, engine.Stage{Kind: engine.AuxiliaryLogits}, func(n int) (*plane[T], error) { return m.auxiliaryLogits(ctx, work, middle[n]) })
	return err
}

// tapped returns the tokens of the tapped blocks, as planes of the patches: for each map those of all images.
func (m *upernet[T]) tapped(ctx context.Context, work *planes[T], input engine.Input, images int, tap engine.Tap) (levels [arch.Levels][]*plane[T], err error) {
	x, err := m.backbone.embed(ctx, input, images)
	if err != nil {
		return levels, err
	}
	size := len(x) / images
	_, err = m.backbone.run(ctx, x, images, tap, func(blocks int, x []T) {
		for level, tapped := range m.config.Segmentation.Taps {
			for n := 0; int(tapped)+1 == blocks && n < images; n++ {
				levels[level] = append(levels[level], m.patches(work, x[n*size:(n+1)*size]))
			}
		}
	})
	return levels, err
}

// patches returns the tokens of an image without that of the class as a plane.
func (m *upernet[T]) patches(work *planes[T], tokens []T) *plane[T] {
	height, width := m.config.Window()
	x := work.take(geometry{height, width, m.config.EmbedDim, 1})
	for i := range height * width {
		copy(x.pixel(i/width, i%width), tokens[(i+1)*x.channels:])
	}
	return x
}

// neck returns a map of UPerNet, and takes the memory of x.
func (m *upernet[T]) neck(ctx context.Context, work *planes[T], level int, x *plane[T]) (*plane[T], error) {
	switch level {
	case 0:
		x, err := m.fourfold[0].apply(ctx, work, x, m.activate)
		if err != nil {
			return nil, err
		}
		return m.fourfold[1].apply(ctx, work, x, nil)
	case 1:
		return m.twofold.apply(ctx, work, x, nil)
	case arch.Levels - 1:
		return work.halved(ctx, x)
	}
	return x, nil
}

// activate writes the GELU of results.
func (m *upernet[T]) activate(into, results []T) {
	elementary.GELU(results)
	if m.round != nil {
		m.round(results)
	}
	copy(into, results)
}

// apply returns x twice as high and wide, and frees it. finish is that of a target. The error is that of ctx.
func (e *enlargement[T]) apply(ctx context.Context, work *planes[T], x *plane[T], finish func(into, results []T)) (*plane[T], error) {
	y := work.take(geometry{2 * x.height, 2 * x.width, e[0].out, x.pad})
	for i := range e {
		if err := e[i].write(ctx, work, &target[T]{plane: y, times: 2, down: i / 2, across: i % 2, finish: finish}, x); err != nil {
			return nil, err
		}
	}
	work.free(x)
	return y, nil
}

// add computes the convolution of plane i of several and adds it to y, which is finished after the last. The error is that of ctx.
func (m module[T]) add(ctx context.Context, work *planes[T], y, x *plane[T], i int) error {
	into := target[T]{plane: y, times: 1, adds: i > 0}
	if i == len(m)-1 {
		into.finish = rectify
	}
	return m[i].write(ctx, work, &into, x)
}

// apply returns what the module computes of one plane, which is finished if there is no other.
func (m module[T]) apply(ctx context.Context, work *planes[T], x *plane[T]) (*plane[T], error) {
	y := work.take(geometry{x.height, x.width, m[0].out, x.pad})
	return y, m.add(ctx, work, y, x, 0)
}

// pyramid adds to the smallest map what is pooled of it, and takes its memory.
func (m *upernet[T]) pyramid(ctx context.Context, work *planes[T], x *plane[T]) (*plane[T], error) {
	y, err := m.bottleneck.apply(ctx, work, x)
	if err != nil {
		return nil, err
	}
	for i, side := range m.config.Segmentation.PoolScales {
		pooled, err := work.averaged(ctx, x, side, m.round)
		if err != nil {
			return nil, err
		}
		inside, err := m.pools[i].apply(ctx, work, pooled)
		if err != nil {
			return nil, err
		}
		work.free(pooled)
		wide, err := work.resized(ctx, inside, x.height, x.width, m.round)
		if err != nil {
			return nil, err
		}
		work.free(inside)
		if err := m.bottleneck.add(ctx, work, y, wide, i+1); err != nil {
			return nil, err
		}
		work.free(wide)
	}
	work.free(x)
	return y, nil
}

// fuse adds the smaller maps to the larger ones and returns what the decode head makes of all of them. It takes the memory of the maps.
func (m *upernet[T]) fuse(ctx context.Context, work *planes[T], maps []*plane[T]) (*plane[T], error) {
	for level := len(maps) - 1; level > 0; level-- {
		if err := work.addResized(ctx, maps[level-1], maps[level], m.round); err != nil {
			return nil, err
		}
	}
	largest := maps[0].geometry()
	y := work.take(geometry{largest.height, largest.width, m.merge[0].out, largest.pad})
	for level, x := range maps {
		if level < len(m.outputs) {
			out, err := m.outputs[level].apply(ctx, work, x)
			if err != nil {
				return nil, err
			}
			work.free(x)
			x = out
		}
		if level > 0 {
			wide, err := work.resized(ctx, x, largest.height, largest.width, m.round)
			if err != nil {
				return nil, err
			}
			work.free(x)
			x = wide
		}
		if err := m.merge.add(ctx, work, y, x, level); err != nil {
			return nil, err
		}
		work.free(x)
	}
	return y, nil
}

// classify returns logits.
func (m *upernet[T]) classify(ctx context.Context, work *planes[T], classifier *convolution[T], x *plane[T]) (*plane[T], error) {
	y := work.take(geometry{x.height, x.width, classifier.out, 0})
	return y, classifier.apply(ctx, work, y, x, nil)
}

func (m *upernet[T]) auxiliaryLogits(ctx context.Context, work *planes[T], x *plane[T]) (*plane[T], error) {
	hidden, err := m.auxiliary.apply(ctx, work, x)
	if err != nil {
		return nil, err
	}
	defer work.free(hidden)
	return m.classify(ctx, work, &m.auxiliaryClassifier, hidden)
}

// full returns logits in the size of the image. The error is that of ctx.
func (m *upernet[T]) full(ctx context.Context, logits []*plane[T]) (engine.Activation, error) {
	stage, height, width, classes := engine.Stage{Kind: engine.FullLogits}, m.config.ImageHeight, m.config.ImageWidth, m.config.Classes
	a := engine.Activation{
		Name: stage.String(), Shape: tensor.Shape{len(logits), classes, height, width}, Values: make([]float64, len(logits)*classes*height*width),
	}
	for n, x := range logits {
		p, values := newInterpolation(x, height, width, m.round), a.Values[n*classes*height*width:]
		if err := parallel.Until(ctx, m.threads, height, func(_, line int) {
			pixel := make([]T, classes)
			for column := range width {
				p.pixel(pixel, line, column)
				for class, v := range pixel {
					values[(class*height+line)*width+column] = float64(v)
				}
			}
		}); err != nil {
			return engine.Activation{}, err
		}
	}
	return a, nil
}
