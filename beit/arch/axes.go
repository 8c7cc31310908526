package arch

import (
	"strings"

	"github.com/beitzoo/beitzoo/tensor/relation"
)

// Axes returns what the axes of a parameter, called by its canonical name, are made of: the heads in the rows of qkv, the offsets in those of a bias table. It is nil
// for names of which nothing is known but the shape. c must be valid. The order of the parts is that of microsoft/unilm beit/modeling_finetune.py.
func (c Config) Axes(parameter string) []relation.Axis {
	if c.Convolutional() {
		return nil
	}
	head, width := relation.Factor{Name: "head", Size: c.Heads}, relation.Factor{Name: "channel of a head", Size: c.HeadDim()}
	height, across := c.Window()
	named := func(names ...string) []relation.Axis {
		axes := make([]relation.Axis, len(names))
		for i, name := range names {
			axes[i].Name = name
		}
		return axes
	}
	heads := relation.Axis{Factors: []relation.Factor{head, width}}
	for _, known := range []struct {
		ending string
		axes   []relation.Axis
	}{
		{"attn.qkv.weight", []relation.Axis{{Factors: []relation.Factor{{Name: "third", Size: 3, Labels: []string{"q", "k", "v"}}, head, width}}, {}}},
		{"attn.q_bias", []relation.Axis{heads}},
		{"attn.v_bias", []relation.Axis{heads}},
		{"attn.proj.weight", []relation.Axis{{}, heads}},
		{"relative_position_bias_table", []relation.Axis{
			{Factors: []relation.Factor{{Name: "offset down", Size: 2*height - 1}, {Name: "offset across", Size: 2*across - 1}}, Rest: 3}, {Name: "head"},
		}},
		{"patch_embed.proj.weight", named("output channel", "colour", "row of the kernel", "column of the kernel")},
		{"pos_embed", named("", "token", "channel")},
		{"head.weight", named("class", "column")},
		{"head.bias", named("class")},
	} {
		if parameter == known.ending || strings.HasSuffix(parameter, "."+known.ending) || strings.HasSuffix(parameter, "_"+known.ending) {
			return known.axes
		}
	}
	return nil
}
