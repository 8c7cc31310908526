package enginetest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// segmenter is a UPerNet whose smallest map, 1 x 2, is smaller than what it is pooled to, and is not half as high as the one before.
var segmenter = with(func(c *arch.Config) {
	c.Kind, c.Pooling, c.Depth, c.Classes = arch.UPerNet, arch.NoPooling, 3, 5
	c.Segmentation = arch.Segmentation{
		Taps: [arch.Levels]arch.Tap{arch.TapEmbed, 0, 1, 2}, Channels: 14, AuxiliaryChannels: 9, PoolScales: arch.UsualPoolScales, Counters: true,
	}
})

// segmenters has a member for each choice that UPerNet allows.
var segmenters = []member{
	{"upernet", segmenter},
	{"upernet, no auxiliary head", change(segmenter, func(c *arch.Config) { c.Segmentation.AuxiliaryChannels = 0 })},
	{"upernet, no counters", change(segmenter, func(c *arch.Config) { c.Segmentation.Counters = false })},
	{"upernet, one block for all maps", change(segmenter, func(c *arch.Config) { c.Segmentation.Taps = [arch.Levels]arch.Tap{1, 1, 1, 1} })},
	{"upernet, embedding for all maps", change(segmenter, func(c *arch.Config) {
		c.Segmentation.Taps = [arch.Levels]arch.Tap{arch.TapEmbed, arch.TapEmbed, arch.TapEmbed, arch.TapEmbed}
	})},
	{"upernet, large pool scales", change(segmenter, func(c *arch.Config) { c.Segmentation.PoolScales = [arch.Levels]int{7, 1, 9, 5} })},
	{"upernet, absolute position", change(segmenter, func(c *arch.Config) { c.Bias, c.AbsolutePosition, c.LayerScale = arch.NoBias, true, false })},
	{"upernet, shared bias", change(segmenter, func(c *arch.Config) { c.Bias = arch.SharedBias })},
	{"upernet, one class", change(segmenter, func(c *arch.Config) { c.Classes = 1 })},
	{"upernet, one channel", change(segmenter, func(c *arch.Config) { c.Segmentation.Channels, c.Segmentation.AuxiliaryChannels = 1, 1 })},
	{"upernet, even window", change(segmenter, func(c *arch.Config) { c.ImageHeight, c.ImageWidth = 32, 24 })},
	{"upernet, two patches", change(segmenter, func(c *arch.Config) { c.ImageHeight, c.ImageWidth = 8, 8 })},
	{"upernet, wide", change(segmenter, func(c *arch.Config) {
		c.EmbedDim, c.Heads, c.HiddenDim, c.Segmentation.Channels, c.Classes, c.ImageHeight, c.ImageWidth = 128, 2, 200, 130, 150, 8, 8
	})},
}

// drawnSegmenters returns UPerNets that nobody chose, the same at each call.
func drawnSegmenters() []member {
	source := rand.New(rand.NewPCG(15, 20))
	var all []member
	for i := range 8 {
		heads, size := 1+source.IntN(3), 1+source.IntN(5)
		depth := 1 + source.IntN(5)
		s := arch.Segmentation{Channels: 1 + source.IntN(40), AuxiliaryChannels: source.IntN(2) * (1 + source.IntN(20)), Counters: source.IntN(2) == 0}
		for level := range arch.Levels {
			s.Taps[level] = arch.Tap(source.IntN(depth+1) - 1)
			s.PoolScales[level] = 1 + source.IntN(6)
		}
		slices.Sort(s.Taps[:])
		all = append(all, member{fmt.Sprintf("drawn upernet %d", i), with(func(c *arch.Config) {
			c.Kind, c.Pooling, c.Depth, c.Classes, c.Segmentation = arch.UPerNet, arch.NoPooling, depth, 1+source.IntN(20), s
			c.PatchSize, c.ImageHeight, c.ImageWidth = size, size*(2+source.IntN(7)), size*(2+source.IntN(7))
			c.Heads, c.EmbedDim, c.HiddenDim = heads, heads*(1+source.IntN(12)), 1+source.IntN(60)
		})})
	}
	return all
}

// segmentationTaps is taps for UPerNet.
func segmentationTaps(config arch.Config, n int) []engine.Activation {
	s := config.Segmentation
	height, width := config.ImageHeight/config.PatchSize, config.ImageWidth/config.PatchSize
	sizes := [][2]int{{4 * height, 4 * width}, {2 * height, 2 * width}, {height, width}, {height / 2, width / 2}}
	expected := transformerTaps("", config.Backbone(), n)
	add := func(name string, channels int, size [2]int) {
		expected = append(expected, engine.Activation{Name: name, Shape: tensor.Shape{n, channels, size[0], size[1]}})
	}
	for level, size := range sizes {
		add(fmt.Sprintf("features.%d", level), config.EmbedDim, size)
	}
	for level, size := range sizes[:3] {
		add(fmt.Sprintf("laterals.%d", level), s.Channels, size)
	}
	add("pyramid", s.Channels, sizes[3])
	add("fused", s.Channels, sizes[0])
	add("logits", config.Classes, sizes[0])
	add("logits_full", config.Classes, [2]int{config.ImageHeight, config.ImageWidth})
	if s.AuxiliaryChannels > 0 {
		add("auxiliary_logits", config.Classes, sizes[2])
	}
	return expected
}
