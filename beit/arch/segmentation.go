package arch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Levels is the number of maps that UPerNet makes of a BEiT: of 4, 2, 1 and a half times the patches down and across.
const Levels = 4

// BatchNormEpsilon is that of all batch norms of UPerNet: the usual one of PyTorch and PaddlePaddle.
const BatchNormEpsilon = 1e-5

// Segmentation describes what UPerNet has beside its BEiT. Sources: microsoft/unilm beit/semantic_segmentation/backbone/beit.py, and open-mmlab/mmsegmentation
// mmseg/models/decode_heads/uper_head.py and fcn_head.py.
type Segmentation struct {
	// Taps are the blocks whose results the maps are made of, the largest map first.
	Taps [Levels]Tap `json:"taps" yaml:"taps"`
	// Channels is the width of the decode head, and AuxiliaryChannels that of the head that training uses beside it; 0 means that there is none.
	Channels          int `json:"channels" yaml:"channels"`
	AuxiliaryChannels int `json:"auxiliary_channels,omitempty" yaml:"auxiliary_channels,omitempty"`
	// PoolScales are the sides to which the smallest map is pooled.
	PoolScales [Levels]int `json:"pool_scales" yaml:"pool_scales"`
	// Counters says that each batch norm tells how many batches it has seen, num_batches_tracked, as those of PyTorch do. The forward pass does not use it.
	Counters bool `json:"counters,omitempty" yaml:"counters,omitempty"`
}

// IsZero reports whether there is no UPerNet: documents leave it out then.
func (s Segmentation) IsZero() bool { return s == Segmentation{} }

// mostWindow is the largest number of patches of UPerNet.
const mostWindow = maxPatches / 4

// UsualPoolScales are those of all programs that have BEiT with UPerNet.
var UsualPoolScales = [Levels]int{1, 2, 3, 6}

// UsualTaps returns the blocks that microsoft/unilm, OpenMMLab and PaddleSeg tap in a model of that depth, or false if they have none.
func UsualTaps(depth int) ([Levels]Tap, bool) {
	switch depth {
	case 12:
		return [Levels]Tap{3, 5, 7, 11}, true
	case 24:
		return [Levels]Tap{7, 11, 15, 23}, true
	}
	return [Levels]Tap{}, false
}

// Tap is the index of a block whose result is used, counted from 0, or [TapEmbed].
type Tap int

// TapEmbed stands for the tokens before the first block.
const TapEmbed Tap = -1

// tapEmbed is what documents call it, and people.
const tapEmbed = "embed"

// String returns the index, or "embed".
func (t Tap) String() string {
	if t == TapEmbed {
		return tapEmbed
	}
	return strconv.Itoa(int(t))
}

// TapError says that a text does not name a tap.
type TapError struct{ Text string }

func (e *TapError) Error() string {
	return fmt.Sprintf("%s is neither the index of a block, counted from 0, nor %q", text.Quote(e.Text), tapEmbed)
}

// Is reports whether kind is errdef.ErrInput.
func (e *TapError) Is(kind error) bool { return kind == errdef.ErrInput }

// ParseTap returns the tap that String returned, or a *[TapError].
func ParseTap(name string) (Tap, error) {
	if name == tapEmbed {
		return TapEmbed, nil
	}
	index, err := strconv.Atoi(name)
	if err != nil || index < 0 || index >= maxDepth {
		return 0, &TapError{name}
	}
	return Tap(index), nil
}

// written returns what stands for the tap in a document: a number, or "embed".
func (t Tap) written() any {
	if t == TapEmbed {
		return tapEmbed
	}
	return int(t)
}

// MarshalJSON returns the index, or "embed".
func (t Tap) MarshalJSON() ([]byte, error) { return json.Marshal(t.written()) }

// MarshalYAML returns the index, or "embed".
func (t Tap) MarshalYAML() (any, error) { return t.written(), nil }

// UnmarshalJSON reads the index, or "embed".
func (t *Tap) UnmarshalJSON(raw []byte) error {
	return t.read(func(into any) error { return json.Unmarshal(raw, into) })
}

// UnmarshalYAML reads the index, or "embed".
func (t *Tap) UnmarshalYAML(decode func(any) error) error { return t.read(decode) }

func (t *Tap) read(decode func(any) error) (err error) {
	var index int
	if decode(&index) == nil {
		*t, err = ParseTap(strconv.Itoa(index))
		return err
	}
	var name string
	if err := decode(&name); err != nil {
		return err
	}
	*t, err = ParseTap(name)
	return err
}

// FormatTaps returns taps in one line, such as "3, 5, 7, 11".
func FormatTaps(taps [Levels]Tap) string {
	names := make([]string, len(taps))
	for i, t := range taps {
		names[i] = t.String()
	}
	return strings.Join(names, ", ")
}

// Segments reports whether the model says of each pixel what it shows.
func (c Config) Segments() bool { return c.Kind == UPerNet }

// NamesClasses reports whether the outputs of the model are those of classes that may have names: it classifies images, or their pixels.
func (c Config) NamesClasses() bool { return c.Classifies() || c.Segments() }

// Backbone returns the BEiT of UPerNet, whose parameters have the same names there.
func (c Config) Backbone() Config {
	c.Name, c.Kind, c.Classes, c.Segmentation = "", Transformer, 0, Segmentation{}
	return c
}

// LevelSize returns the height and width of a map of UPerNet.
func (c Config) LevelSize(level int) (height, width int) {
	height, width = c.Window()
	switch level {
	case 0:
		return 4 * height, 4 * width
	case 1:
		return 2 * height, 2 * width
	case 2:
		return height, width
	}
	return height / 2, width / 2
}

// upernet returns the parameters of UPerNet behind those of its BEiT.
func (c Config) upernet() []Param {
	s, dim := c.Segmentation, c.EmbedDim
	params := transposed("fpn1.0", dim)
	params = append(params, c.batchNorm("fpn1.1", dim)...)
	params = append(params, transposed("fpn1.3", dim)...)
	params = append(params, transposed("fpn2.0", dim)...)
	for i := range s.PoolScales {
		params = append(params, c.module(fmt.Sprintf("decode_head.psp_modules.%d.1", i), s.Channels, dim, 1)...)
	}
	params = append(params, c.module("decode_head.bottleneck", s.Channels, dim+Levels*s.Channels, 3)...)
	for i := range Levels - 1 {
		params = append(params, c.module(fmt.Sprintf("decode_head.lateral_convs.%d", i), s.Channels, dim, 1)...)
	}
	for i := range Levels - 1 {
		params = append(params, c.module(fmt.Sprintf("decode_head.fpn_convs.%d", i), s.Channels, s.Channels, 3)...)
	}
	params = append(params, c.module("decode_head.fpn_bottleneck", s.Channels, Levels*s.Channels, 3)...)
	params = append(params, kernel("decode_head.conv_seg", c.Classes, s.Channels, 1), bias("decode_head.conv_seg", c.Classes))
	if s.AuxiliaryChannels > 0 {
		params = append(params, c.module("auxiliary_head.convs.0", s.AuxiliaryChannels, dim, 3)...)
		params = append(params, kernel("auxiliary_head.conv_seg", c.Classes, s.AuxiliaryChannels, 1), bias("auxiliary_head.conv_seg", c.Classes))
	}
	return params
}

// module is a convolution without bias, a batch norm and ReLU.
func (c Config) module(name string, out, in, side int) []Param {
	return append([]Param{kernel(name+".conv", out, in, side)}, c.batchNorm(name+".bn", out)...)
}

func (c Config) batchNorm(name string, dim int) []Param {
	params := append(norm(name, dim), Param{Name: name + ".running_mean", Shape: tensor.Shape{dim}, Buffer: true},
		Param{Name: name + ".running_var", Shape: tensor.Shape{dim}, Buffer: true})
	if c.Segmentation.Counters {
		params = append(params, Param{Name: name + ".num_batches_tracked", Shape: tensor.Shape{}, Buffer: true, Counter: true})
	}
	return params
}

// transposed is a transposed convolution of 2 x 2, whose weight is [in, out, 2, 2] everywhere.
func transposed(name string, dim int) []Param {
	return []Param{kernel(name, dim, dim, 2), bias(name, dim)}
}

func kernel(name string, out, in, side int) Param {
	return Param{Name: name + ".weight", Shape: tensor.Shape{out, in, side, side}}
}

func bias(name string, out int) Param { return Param{Name: name + ".bias", Shape: tensor.Shape{out}} }

// segmentationOf infers what UPerNet has beside its BEiT, but for the taps.
func segmentationOf(shapes map[string]tensor.Shape) (s Segmentation, classes int) {
	v := votes{}
	for name, shape := range shapes {
		if len(shape) == 0 {
			s.Counters = s.Counters || strings.HasSuffix(name, ".num_batches_tracked")
			continue
		}
		strength := 2*len(shape) - 1
		switch {
		case endsWith(name, "decode_head.conv_seg.weight"), endsWith(name, "decode_head.conv_seg.bias"):
			v.add("classes", shape[0], strength)
		case endsWith(name, "auxiliary_head.conv_seg.weight") && len(shape) > 1:
			v.add("classes", shape[0], 1)
			v.add("auxiliary", shape[1], 2)
		case endsWith(name, "auxiliary_head.conv_seg.bias"):
			v.add("classes", shape[0], 1)
		case strings.HasPrefix(name, "auxiliary_head.convs.0."):
			v.add("auxiliary", shape[0], strength)
		case strings.HasPrefix(name, "decode_head."):
			v.add("channels", shape[0], strength)
		}
	}
	return Segmentation{
		Channels: v.most("channels"), AuxiliaryChannels: v.most("auxiliary"), PoolScales: UsualPoolScales, Counters: s.Counters,
	}, v.most("classes")
}

// setTaps sets the blocks that UPerNet taps: those of the hints, or those of all programs for a model of this depth.
func (i *Inference) setTaps(hints Hints) error {
	if hints.Taps != nil {
		i.Segmentation.Taps, i.TapsFrom = *hints.Taps, hints.TapsFrom
		return nil
	}
	taps, usual := UsualTaps(i.Depth)
	if !usual {
		return &InferenceError{Property: PropertyTaps, Reason: fmt.Sprintf("no parameter tells which of the %d blocks the maps are made of", i.Depth)}
	}
	i.Segmentation.Taps, i.TapsFrom = taps, Assumed
	i.Assumptions = append(i.Assumptions, Assumption{
		Property: PropertyTaps, Value: FormatTaps(taps), Reason: fmt.Sprintf("no parameter tells them, and unilm, OpenMMLab and PaddleSeg tap these of %d blocks", i.Depth),
	})
	return nil
}

// checkSegmentation checks what UPerNet has beside its BEiT.
func (c Config) checkSegmentation(p *problems) {
	s := c.Segmentation
	p.check(c.Pooling == NoPooling, "pooling", "is %q, but that of kind %q is %q", c.Pooling, UPerNet, NoPooling)
	p.sizes(size{"classes", c.Classes, 1, MaxClasses}, size{"segmentation.channels", s.Channels, 1, maxWidth},
		size{"segmentation.auxiliary_channels", s.AuxiliaryChannels, 0, maxWidth})
	for _, t := range s.Taps {
		p.check(t >= TapEmbed && int(t) < c.Depth, "segmentation.taps", "has %d, and there are the blocks 0 to %d", int(t), c.Depth-1)
	}
	p.check(slices.IsSorted(s.Taps[:]), "segmentation.taps", "are %s, not in the order of the blocks", FormatTaps(s.Taps))
	for _, scale := range s.PoolScales {
		p.check(scale >= 1 && scale <= maxPixels, "segmentation.pool_scales", "has %d, not between 1 and %d", scale, maxPixels)
	}
	if c.PatchSize > 0 {
		height, width := c.Window()
		p.check(min(height, width) >= 2, "patch_size", "cuts the image into %d x %d patches, of which UPerNet halves each side", height, width)
		p.check(height <= mostWindow/max(width, 1), "patch_size", "cuts the image into %d x %d patches; UPerNet, whose largest map has 16 times as many, may have %d",
			height, width, mostWindow)
	}
}
