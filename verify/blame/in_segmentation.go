package blame

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/tensor"
)

var (
	necks        = []part{atNecks}
	pyramid      = []part{atPyramid}
	fusedMaps    = []part{atFused}
	wholeDecoder = []part{atNecks, atLaterals, atPyramid, atFused, atLogits, atFull, atAuxiliary}
)

// inSegmentation returns the mistakes in what UPerNet has behind its blocks.
func inSegmentation(config arch.Config) []hypothesis {
	if !config.Segments() {
		return nil
	}
	d := newDecoderNames(config)
	all := slices.Concat(inTaps(config), inDecoder(config), inPoolScales(config.Segmentation.PoolScales), d.inBatchNorms(), d.inKernels(), d.exchanges())
	return append(lonely(all...), inBothActivations()...)
}

// tapping returns the hypothesis that the reference taps other blocks.
func tapping(own, taps [arch.Levels]arch.Tap) hypothesis {
	says := fmt.Sprintf("the tensors are the same, but the reference taps blocks %s where this model taps %s (counted from 0)", arch.FormatTaps(taps), arch.FormatTaps(own))
	advice, shift := "tap the same blocks on both sides", taps[0]-own[0]
	for i := range taps {
		if taps[i]-own[i] != shift {
			shift = 0
		}
	}
	sorted := taps
	slices.Sort(sorted[:])
	switch {
	case shift == -2:
		says += ", as BeitForSemanticSegmentation of transformers does with unilm's numbers"
		advice = "write the model as UperNetForSemanticSegmentation, which taps what unilm taps (convert --to hf)"
	case shift == -1:
		says += ", as BeitBackbone of transformers does with unilm's numbers"
		advice = "raise each of out_indices of transformers' BeitBackbone by one"
	case sorted == own:
		says += ": the necks are in another order"
		advice = "give the necks the blocks in their order, the largest map the first"
	}
	return hypothesis{name: "taps", at: necks, says: says, side: Program, advice: advice, slack: pixelSlack, apply: func(d *draft) bool {
		d.Rules.Decoder.Taps = &taps
		return true
	}}
}

// inTaps returns the mistakes in which blocks UPerNet taps. They are for whole models: if the reference has a map, the blocks are solved for.
func inTaps(config arch.Config) []hypothesis {
	own := config.Segmentation.Taps
	var all []hypothesis
	add := func(taps [arch.Levels]arch.Tap) {
		for _, t := range taps {
			if t < arch.TapEmbed || int(t) >= config.Depth {
				return
			}
		}
		if taps != own {
			all = append(all, everywhere(tapping(own, taps)))
		}
	}
	for _, shift := range []arch.Tap{-2, -1, 1, 2} {
		shifted := own
		for i := range shifted {
			shifted[i] += shift
		}
		add(shifted)
	}
	for _, order := range otherOrders(arch.Levels) {
		var moved [arch.Levels]arch.Tap
		for i, from := range order {
			moved[i] = own[from]
		}
		add(moved)
	}
	var last, even, end [arch.Levels]arch.Tap
	for i := range last {
		last[i], even[i], end[i] = arch.Tap(config.Depth-arch.Levels+i), arch.Tap((i+1)*config.Depth/arch.Levels-1), arch.Tap(config.Depth-1)
	}
	for _, taps := range [][arch.Levels]arch.Tap{last, even, end} {
		add(taps)
	}
	return all
}

// otherOrders returns all orders of count things but the one that they have, beginning with the reverse.
func otherOrders(count int) (all [][]int) {
	var extend func(order []int)
	extend = func(order []int) {
		if len(order) == count {
			if !slices.IsSorted(order) {
				all = append(all, slices.Clone(order))
			}
			return
		}
		for i := count - 1; i >= 0; i-- {
			if !slices.Contains(order, i) {
				extend(append(slices.Clone(order), i))
			}
		}
	}
	extend(nil)
	return all
}

// inDecoder returns the mistakes of programs.
func inDecoder(config arch.Config) []hypothesis {
	rule := func(name string, at []part, says, advice string, set func(d *whatif.Decoder)) hypothesis {
		return program(name, at, says, advice, func(r *whatif.Rules) { set(&r.Decoder) })
	}
	all := slices.Concat(inResizing(rule), inBatchRules(rule))
	for _, m := range []struct{ prefix, says string }{
		{"decode_head.", "all modules of the decode head"},
		{"decode_head.lateral_convs", "decode_head.lateral_convs"},
		{"decode_head.psp_modules", "decode_head.psp_modules"},
		{"decode_head.bottleneck", "decode_head.bottleneck"},
		{"decode_head.fpn_convs", "decode_head.fpn_convs"},
		{"decode_head.fpn_bottleneck", "decode_head.fpn_bottleneck"},
		{"auxiliary_head.", "auxiliary_head.convs"},
	} {
		var names []string
		for _, p := range config.Params() {
			if strings.HasPrefix(p.Name, m.prefix) && strings.HasSuffix(p.Name, ".conv.weight") {
				names = append(names, p.Name)
			}
		}
		if at := partsReading(config, names); at != nil {
			all = append(all, rule("no-relu", at, "there is no ReLU behind the batch norms of "+m.says, "apply ReLU after each batch norm of the heads",
				func(d *whatif.Decoder) { d.NoReLU = m.prefix }))
		}
	}
	for _, a := range activations {
		all = append(all, rule("activation", necks, a.says+", between both transposed convolutions of fpn1", exactGELU,
			func(d *whatif.Decoder) { d.NeckActivation = a.of }))
	}
	all = append(all,
		rule("neck-pooling", necks, "the smallest map has the means of 2 x 2 patches, not the largest values", "use max pooling in fpn4",
			func(d *whatif.Decoder) { d.AverageNeck = true }),
		rule("token-order", necks, "the last token is left out of the maps, and that of the class is taken for the first patch", "leave out the first token",
			func(d *whatif.Decoder) { d.LastToken = true }),
		rule("patch-order", necks, "the tokens are laid out down first, column by column", "lay out the tokens row by row", func(d *whatif.Decoder) { d.Transposed = true }),
		rule("pyramid-pooling", pyramid, "the largest values of each window are pooled in decode_head.psp_modules, not the means", "use adaptive average pooling",
			func(d *whatif.Decoder) { d.MaxPyramid = true }),
		rule("map-order", pyramid, "what is pooled comes before the map itself in what decode_head.bottleneck reads", "put the map first, then what is pooled of it",
			func(d *whatif.Decoder) { d.PyramidLast = true }),
		rule("map-order", fusedMaps, "the maps come in reverse, the smallest first, in what decode_head.fpn_bottleneck reads", "put the largest map first",
			func(d *whatif.Decoder) { d.FusedBackwards = true }),
		rule("no-top-down", fusedMaps, "no map is added to the next larger one", "add each map, resized, to the next larger one", func(d *whatif.Decoder) { d.NoSums = true }))
	if config.Segmentation.AuxiliaryChannels > 0 {
		const advice = "take the logits of decode_head"
		heads := []hypothesis{
			rule("auxiliary-head", []part{atLogits, atFull}, "the logits are those of the auxiliary head, resized", advice, func(d *whatif.Decoder) { d.Auxiliary = true }),
			rule("auxiliary-head", []part{atFull}, "the logits are those of the auxiliary head, resized to those of the decode head, and then to the image", advice,
				func(d *whatif.Decoder) { d.Auxiliary, d.AuxiliaryTwice = true, true }),
		}
		heads[1].whole = true // alone it is only resized
		for _, h := range heads {
			h.slack = 1e-13 // it adds up more than what it stands in for
			all = append(all, h)
		}
	}
	return all
}

type decoderRule = func(name string, at []part, says, advice string, set func(d *whatif.Decoder)) hypothesis

// inResizing returns the mistakes in how maps are resized: all of them, and those of one place.
func inResizing(rule decoderRule) (all []hypothesis) {
	for _, k := range []struct {
		kind         whatif.ResizeKind
		says, advice string
	}{
		{whatif.Corners, "with align_corners true, not false", "resize with align_corners=False"},
		{whatif.Nearest, "by the nearest pixel, not bilinearly", "resize bilinearly, with align_corners=False"},
		{whatif.Origin, "from the upper left corner of pixels, as with align_mode 1 of Paddle, not from their centres", "resize with align_mode=0"},
	} {
		add := func(what string, at []part, set func(d *whatif.Decoder)) {
			all = append(all, rule("resize", at, what+" "+k.says, k.advice, set))
		}
		add("all maps are resized", []part{atPyramid, atFused, atFull}, func(d *whatif.Decoder) {
			d.PyramidResize, d.SumResize, d.FusedResize, d.FullResize = k.kind, k.kind, k.kind, k.kind
		})
		add("all maps of the decode head are resized, but not its logits,", []part{atPyramid, atFused}, func(d *whatif.Decoder) {
			d.PyramidResize, d.SumResize, d.FusedResize = k.kind, k.kind, k.kind
		})
		add("what is pooled is resized", pyramid, func(d *whatif.Decoder) { d.PyramidResize = k.kind })
		add("maps are resized", fusedMaps, func(d *whatif.Decoder) { d.SumResize, d.FusedResize = k.kind, k.kind })
		add("maps that are added to larger ones are resized", fusedMaps, func(d *whatif.Decoder) { d.SumResize = k.kind })
		add("maps that are put together are resized", fusedMaps, func(d *whatif.Decoder) { d.FusedResize = k.kind })
		add("the logits are resized", []part{atFull}, func(d *whatif.Decoder) { d.FullResize = k.kind })
	}
	return all
}

// inBatchRules returns the mistakes that a program makes in all batch norms.
func inBatchRules(rule decoderRule) []hypothesis {
	at := []part{atNecks, atLaterals, atPyramid, atFused, atAuxiliary}
	all := []hypothesis{
		rule("batch-norm", at, "the batch norms take mean and variance of the pictures themselves, as in training, not running_mean and running_var",
			"call eval() in PyTorch and in Paddle", func(d *whatif.Decoder) { d.BatchStatistics = true }),
		rule("batch-norm", at, "there are no batch norms: they are left out", "apply the batch norm behind each convolution", func(d *whatif.Decoder) { d.NoBatchNorm = true }),
	}
	for _, epsilon := range []float64{1e-3, 1e-6, 1e-12, 1e-4, 1e-2, 1e-8} {
		all = append(all, rule("batch-norm-epsilon", at, fmt.Sprintf("the epsilon of the batch norms is %g, not %g", epsilon, arch.BatchNormEpsilon),
			fmt.Sprintf("give the batch norms the epsilon %g", arch.BatchNormEpsilon), func(d *whatif.Decoder) { d.BatchEpsilon = epsilon }))
	}
	return all
}

// inPoolScales returns the mistakes in the scales of the pyramid: another order, one other, and those of other networks.
func inPoolScales(own [arch.Levels]int) (all []hypothesis) {
	var known [][arch.Levels]int
	add := func(scales [arch.Levels]int) {
		if scales != own && !slices.Contains(known, scales) {
			known = append(known, scales)
		}
	}
	changed := func(scales [arch.Levels]int) (count int) {
		for i, scale := range scales {
			if scale != own[i] {
				count++
			}
		}
		return count
	}
	for _, order := range otherOrders(arch.Levels) {
		var moved [arch.Levels]int
		for i, from := range order {
			moved[i] = own[from]
		}
		add(moved)
	}
	for _, scales := range [][arch.Levels]int{{1, 2, 3, 4}, {1, 2, 4, 8}, {1, 3, 6, 8}, {2, 3, 4, 6}, {1, 3, 6, 12}, {1, 2, 4, 6}, {2, 4, 6, 8}, {1, 4, 6, 8}, {1, 1, 1, 1}} {
		add(scales)
	}
	for i := range own {
		const most = 8
		for scale := 1; scale <= most; scale++ {
			other := own
			other[i] = scale
			add(other)
		}
	}
	// On a small map some scales are the same: what changes the fewest is what is told.
	slices.SortStableFunc(known, func(a, b [arch.Levels]int) int { return changed(a) - changed(b) })
	for _, scales := range known {
		says := fmt.Sprintf("decode_head.psp_modules pool to the scales %v, not %v", scales, own)
		all = append(all, program("pool-scales", pyramid, says, fmt.Sprintf("pool to %v", own), func(r *whatif.Rules) { r.Decoder.PoolScales = &scales }))
	}
	return all
}

// inBothActivations returns the mistakes that a program makes in the activation of blocks and necks alike: from logits alone neither can be seen without the other.
func inBothActivations() (all []hypothesis) {
	for _, a := range activations {
		all = append(all, everywhere(program("activation", []part{atMLP, atNecks}, a.says+", in the blocks and between both transposed convolutions of fpn1", exactGELU,
			func(r *whatif.Rules) { r.Activation, r.Decoder.NeckActivation = a.of, a.of })))
	}
	return all
}

// decoderNames are the names of parameters behind the blocks of UPerNet, by their roles.
type decoderNames struct {
	config arch.Config
	shapes map[string]tensor.Shape
	// kernels are the convolutions, without ".weight"; norms are the batch norms.
	kernels, norms []string
}

func newDecoderNames(config arch.Config) decoderNames {
	d := decoderNames{config: config, shapes: map[string]tensor.Shape{}}
	for _, p := range config.Params() {
		d.shapes[p.Name] = p.Shape
		if name, is := strings.CutSuffix(p.Name, ".running_mean"); is {
			d.norms = append(d.norms, name)
		}
		if name, is := strings.CutSuffix(p.Name, ".weight"); is && len(p.Shape) == 4 && partReading(config, p.Name) != 0 {
			d.kernels = append(d.kernels, name)
		}
	}
	return d
}

// editing returns the hypothesis that something happened to some parameters.
func (n decoderNames) editing(name, says, repair string, change changeFunc, parameters ...string) hypothesis {
	return hypothesis{name: name, at: partsReading(n.config, parameters), says: says, apply: func(d *draft) bool {
		done := false
		for _, parameter := range parameters {
			if d.reads(parameter) {
				done = d.edit(parameter, repair, change) || done
			}
		}
		return done
	}}
}

// either marks hypotheses of which nothing tells whether parameters or the program are wrong.
func either(advice string, h hypothesis) hypothesis {
	h.side, h.advice = Either, advice
	return h
}

// inBatchNorms returns the mistakes about the parameters of all batch norms, and of each.
func (n decoderNames) inBatchNorms() (all []hypothesis) {
	both := func(says, repair string, norms []string) hypothesis {
		mean := n.editing("batch-norm", says, repair, zeros, suffixed(norms, ".running_mean")...)
		variance := n.editing("", "", repair, ones, suffixed(norms, ".running_var")...)
		apply := mean.apply
		mean.apply = func(d *draft) bool { return apply(d) && variance.apply(d) }
		return mean
	}
	const fresh, load = "the statistics of a new batch norm", "load running_mean and running_var"
	all = append(all, either(load, both("the statistics of the batch norms are left out: means of 0 and variances of 1", fresh, n.norms)))
	groups := [][]string{n.norms}
	for _, norm := range n.norms {
		groups = append(groups, []string{norm})
	}
	for i, norms := range groups {
		of := strings.Join(norms, "")
		if i == 0 {
			of = "all batch norms"
		} else {
			all = append(all, both("the statistics of "+of+" are left out: means of 0 and variances of 1", fresh, norms))
		}
		add := func(name, says, repair string, change changeFunc, ending string) {
			all = append(all, n.editing(name, says+" of "+of, repair, change, suffixed(norms, ending)...))
		}
		form := func(says, repair string, change func(float64) float64) {
			h := n.editing("batch-norm", says+" of "+of, repair, mapping(change), suffixed(norms, ".running_var")...)
			all = append(all, inexact(h)...)
		}
		add("batch-norm", "the mean is left out", "zero", zeros, ".running_mean")
		add("batch-norm", "the variance is left out", "ones", ones, ".running_var")
		form("the standard deviation was stored as the variance", "square", func(v float64) float64 { return v * v })
		form("the variance was taken for a standard deviation", "take the square roots", math.Sqrt)
		form("the reciprocals were stored as the variance", "take the reciprocals", func(v float64) float64 { return 1 / v })
		add("negated", "running_mean has the other sign", "negate", scale(-1), ".running_mean")
		add("ones", "the weight is left out: it is all ones", "ones", ones, ".weight")
		add("no-bias", "the bias is left out", "zero", zeros, ".bias")
		for _, pair := range [][2]string{{".weight", ".bias"}, {".running_mean", ".running_var"}, {".weight", ".running_var"}, {".bias", ".running_mean"}} {
			says := strings.TrimPrefix(pair[0], ".") + " and " + strings.TrimPrefix(pair[1], ".") + " of " + of + " are exchanged"
			all = append(all, n.exchanging("swapped-norms", says, suffixed(norms, pair[0]), suffixed(norms, pair[1])))
		}
	}
	return all
}

func suffixed(names []string, ending string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = name + ending
	}
	return all
}

// exchanging returns the hypothesis that parameters are exchanged, each of the first with that of the others at the same place.
func (n decoderNames) exchanging(name, says string, a, b []string) hypothesis {
	return hypothesis{name: name, at: partsReading(n.config, slices.Concat(a, b)), says: says, apply: func(d *draft) bool {
		done := false
		for i := range a {
			if d.reads(a[i]) || d.reads(b[i]) {
				done = d.swap(a[i], b[i]) || done
			}
		}
		return done
	}}
}

// inKernels returns the mistakes about the convolutions: those of a kind together, and each.
func (n decoderNames) inKernels() (all []hypothesis) {
	turned := kernels(func(channel, y, x, _, _ int) (int, int, int) { return channel, x, y })
	flipped := kernels(func(channel, y, x, _, side int) (int, int, int) { return channel, side - 1 - y, side - 1 - x })
	square := func(shape tensor.Shape) bool { return shape[0] == shape[1] }
	isNeck := func(name string) bool { return strings.HasPrefix(name, "fpn") }
	groups := [][]string{slices.DeleteFunc(slices.Clone(n.kernels), func(name string) bool { return !isNeck(name) }), slices.DeleteFunc(slices.Clone(n.kernels), isNeck)}
	words := []string{"the necks (transposed convolutions)", "the heads"}
	for _, kernel := range n.kernels {
		groups, words = append(groups, []string{kernel}), append(words, kernel)
	}
	for i, group := range groups {
		of := words[i]
		add := func(name, says, repair string, change changeFunc, fits func(shape tensor.Shape) bool) {
			fitting := slices.DeleteFunc(suffixed(group, ".weight"), func(name string) bool { return !fits(n.shapes[name]) })
			if len(fitting) == 0 {
				return
			}
			h := n.editing(name, fmt.Sprintf(says, of), repair, change, fitting...)
			if isNeck(group[0]) && name == "axes" {
				h = either("the weight of a transposed convolution is [in, out, 2, 2] in PyTorch and in Paddle", h)
			}
			all = append(all, h)
		}
		add("axes", "the kernels of %s have their first two axes exchanged", "the first two axes exchanged", exchangedChannels, square)
		add("turned-kernel", "across and down are exchanged in the kernels of %s: each is transposed", "transpose the kernels", turned, hasArea)
		add("turned-kernel", "the kernels of %s are turned by 180 degrees (flipped)", "turn the kernels", flipped, hasArea)
		add("kernel-layout", "the axes of %s are stored as [out, height, width, channels]", "put the axes in order", channelsLast, hasArea)
		add("reshaped", "the weight of %s was reshaped where it should have been transposed", "read as [in, out] and transpose", reread,
			func(shape tensor.Shape) bool { return !hasArea(shape) && !square(shape) })
	}
	for _, kernel := range n.kernels {
		if n.shapes[kernel+".bias"] != nil {
			all = append(all, n.editing("no-bias", kernel+".bias is left out", "zero", zeros, kernel+".bias"))
		}
	}
	return all
}

// exchanges returns the mistakes that two layers are exchanged, or those of a list are in another order.
func (n decoderNames) exchanges() (all []hypothesis) {
	full := func(kernel string) (names []string) {
		for _, ending := range []string{".weight", ".bias"} {
			if n.shapes[kernel+ending] != nil {
				names = append(names, kernel+ending)
			}
		}
		if module, is := strings.CutSuffix(kernel, ".conv"); is {
			for _, ending := range []string{".weight", ".bias", ".running_mean", ".running_var"} {
				names = append(names, module+".bn"+ending)
			}
		}
		return names
	}
	for i, b := range n.kernels {
		for _, a := range n.kernels[:i] {
			if !n.shapes[a+".weight"].Equal(n.shapes[b+".weight"]) {
				continue
			}
			says := a + " and " + b + " are exchanged"
			all = append(all, n.exchanging("swapped-convolutions", says+", with their batch norms or biases", full(a), full(b)),
				n.exchanging("swapped-convolutions", "the weights of "+says, []string{a + ".weight"}, []string{b + ".weight"}))
		}
	}
	for i, b := range n.norms {
		for _, a := range n.norms[:i] {
			if !n.shapes[a+".weight"].Equal(n.shapes[b+".weight"]) {
				continue
			}
			statistics, affine := []string{".running_mean", ".running_var"}, []string{".weight", ".bias"}
			of := func(name string, endings []string) (names []string) {
				for _, ending := range endings {
					names = append(names, name+ending)
				}
				return names
			}
			says := a + " and " + b + " are exchanged"
			all = append(all, n.exchanging("swapped-batch-norms", "the statistics of "+says, of(a, statistics), of(b, statistics)),
				n.exchanging("swapped-batch-norms", says, of(a, slices.Concat(affine, statistics)), of(b, slices.Concat(affine, statistics))),
				n.exchanging("swapped-batch-norms", "weight and bias of "+says, of(a, affine), of(b, affine)))
		}
	}
	return append(append(all, n.turns("decode_head.lateral_convs", full)...), n.turns("decode_head.fpn_convs", full)...)
}

// turns returns the mistakes that the modules of a list are rolled by one or two.
func (n decoderNames) turns(list string, full func(kernel string) []string) (all []hypothesis) {
	for by := 1; by < arch.Levels-1; by++ {
		var names, from []string
		for i, other := range rolled(arch.Levels-1, by) {
			names, from = append(names, full(fmt.Sprintf("%s.%d.conv", list, i))...), append(from, full(fmt.Sprintf("%s.%d.conv", list, other))...)
		}
		says := fmt.Sprintf("the modules of %s are in another order: rolled by %d", list, by)
		all = append(all, hypothesis{name: "swapped-convolutions", at: partsReading(n.config, names), says: says, apply: func(d *draft) bool {
			done := false
			for i, name := range names {
				if d.reads(name) {
					done = d.take(name, from[i]) || done
				}
			}
			return done
		}})
	}
	return all
}
