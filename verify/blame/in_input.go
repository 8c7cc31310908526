package blame

import (
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// pixelSlack is how far the effect of pixels in float32 leads, as a share of the largest value of a stage.
const pixelSlack = 1e-5

// normalisation is how pixels in [0, 1] become what a model reads: minus mean, divided by std, for red, green and blue.
type normalisation struct {
	says, short string
	mean, std   [3]float64
}

var (
	half     = normalisation{"normalised with mean and std 0.5", "mean and std 0.5", [3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.5, 0.5}}
	imageNet = normalisation{
		"normalised with ImageNet's mean and std (0.485, 0.456, 0.406; 0.229, 0.224, 0.225)", "ImageNet's mean and std",
		[3]float64{0.485, 0.456, 0.406},
		[3]float64{0.229, 0.224, 0.225},
	}
	clip = normalisation{
		"normalised with CLIP's mean and std (0.4815, 0.4578, 0.4082; 0.2686, 0.2613, 0.2758)", "CLIP's mean and std",
		[3]float64{0.48145466, 0.4578275, 0.40821073},
		[3]float64{0.26862954, 0.26130258, 0.27577711},
	}
	unit    = normalisation{"not normalised: they are in [0, 1]", "[0, 1]", [3]float64{}, [3]float64{1, 1, 1}}
	ofBytes = normalisation{"not normalised: they are in [0, 255]", "[0, 255]", [3]float64{}, [3]float64{1.0 / 255, 1.0 / 255, 1.0 / 255}}
	centred = normalisation{"normalised with mean 127.5 alone: they are in [-127.5, 127.5]", "[-127.5, 127.5]", half.mean, ofBytes.std}
)

// inInput returns the mistakes in what the program reads.
func inInput() []hypothesis {
	all := []hypothesis{{name: "mask", at: embed, says: "the mask is left out", side: Input, apply: func(d *draft) bool {
		masked := d.input.Mask != nil
		d.input.Mask = nil
		return masked
	}}, {name: "mask", at: embed, says: "the mask is inverted: it marks the patches that are seen", side: Input, apply: func(d *draft) bool {
		d.input.Mask = slices.Clone(d.input.Mask)
		for i, masked := range d.input.Mask {
			d.input.Mask[i] = !masked
		}
		return d.input.Mask != nil
	}}, {name: "mask", at: embed, says: "the mask is transposed: it is counted down first, column by column", side: Input, apply: func(d *draft) bool {
		height, width := d.Config.Window()
		old := d.input.Mask
		d.input.Mask = slices.Clone(old)
		for i := range old {
			patch := i % (height * width)
			d.input.Mask[i] = old[i-patch+patch%width*height+patch/width]
		}
		return old != nil
	}}}
	all = append(all, inColours()...)
	all = append(all, pixels("normalisation", "the images are normalised twice, with mean and std 0.5", func(_ arch.Config, image []float64) []float64 {
		return each(image, func(v float64) float64 { return (v - 0.5) / 0.5 })
	}))
	for _, from := range []normalisation{half, imageNet, clip, unit, ofBytes} {
		for _, to := range []normalisation{imageNet, half, unit, ofBytes, centred, clip} {
			if from == to || from == clip && to == imageNet || from == imageNet && to == clip {
				continue
			}
			all = append(all, from.instead(to)...)
		}
	}
	pixel := func(says string, change pixelFunc) { all = append(all, pixels("input", says, change)) }
	pixel("the images are negative: each pixel has the other sign (or patch_embed.proj.weight is negated, which is the same)", func(_ arch.Config, image []float64) []float64 {
		return each(image, func(v float64) float64 { return -v })
	})
	pixel("the images are grey: all colours are their mean", grey)
	pixel("the images are read as [height, width, channels] without moving the axes", channelsLastImage)
	for _, m := range []struct {
		says string
		from func(c arch.Config, y, x int) (int, int)
	}{
		{"mirrored left to right", func(c arch.Config, y, x int) (int, int) { return y, c.ImageWidth - 1 - x }},
		{"upside down (flipped)", func(c arch.Config, y, x int) (int, int) { return c.ImageHeight - 1 - y, x }},
		{"turned by 180 degrees", func(c arch.Config, y, x int) (int, int) { return c.ImageHeight - 1 - y, c.ImageWidth - 1 - x }},
		{"transposed: across is down", func(_ arch.Config, y, x int) (int, int) { return x, y }},
		{"shifted by a pixel to the right", func(c arch.Config, y, x int) (int, int) { return y, (x + c.ImageWidth - 1) % c.ImageWidth }},
		{"shifted by a pixel to the left", func(c arch.Config, y, x int) (int, int) { return y, (x + 1) % c.ImageWidth }},
	} {
		pixel("the images are "+m.says, func(c arch.Config, image []float64) []float64 {
			if y, x := m.from(c, 0, c.ImageWidth-1); y >= c.ImageHeight || x >= c.ImageWidth || c.ImageHeight != c.ImageWidth && y != 0 && y != c.ImageHeight-1 {
				return nil
			}
			return moved(c, image, func(channel, y, x int) (int, int, int) {
				y, x = m.from(c, y, x)
				return channel, y, x
			})
		})
	}
	return all
}

// inColours returns the hypotheses that the colours come in another order. The kernel has them in the right one if that is exchanged.
func inColours() []hypothesis {
	names := [3]string{"red", "green", "blue"}
	var all []hypothesis
	for i, order := range [][3]int{{2, 1, 0}, {1, 0, 2}, {0, 2, 1}, {1, 2, 0}, {2, 0, 1}} {
		says := fmt.Sprintf("the colours (channels) come as %s, %s, %s", names[order[0]], names[order[1]], names[order[2]])
		h := hypothesis{name: "channel-order", at: embed, says: says, alone: i > 0, apply: func(d *draft) bool {
			return d.Config.Channels == arch.RGB && d.edit(kernel, "put the channels in order",
				kernels(func(channel, y, x, _, _ int) (int, int, int) { return order[channel], y, x }))
		}}
		all = append(all, h)
	}
	return all
}

// pixelFunc returns the changed pixels of one image, [channels, H, W], in a new slice, or nil if it does not apply to such images.
type pixelFunc = func(c arch.Config, image []float64) []float64

// pixels returns the hypothesis that the reference saw pixels that follow from those of the input.
func pixels(name, says string, change pixelFunc) hypothesis {
	return hypothesis{
		name: name, at: embed, says: says, side: Input, slack: pixelSlack,
		advice: "prepare the images as the model expects them, or record what the model saw", apply: func(d *draft) bool {
			c := d.Config
			changed := make([]float64, 0, len(d.input.Pixels))
			for image := range slices.Chunk(d.input.Pixels, c.Channels*c.ImageHeight*c.ImageWidth) {
				one := change(c, image)
				if one == nil {
					return false
				}
				changed = append(changed, one...)
			}
			d.input.Pixels = changed
			return true
		},
	}
}

// instead returns the hypotheses that images were prepared in one way and not in the other, with their colours in order and reversed.
func (n normalisation) instead(of normalisation) []hypothesis {
	var all []hypothesis
	for _, reverse := range []bool{false, true} {
		says := "the images are " + of.says
		if n != half {
			says += ", not with " + n.short
		}
		if reverse {
			says += ", and their colours come as blue, green, red (BGR)"
		}
		h := pixels("normalisation", says, func(c arch.Config, image []float64) []float64 {
			if c.Channels != arch.RGB || !n.fits(c, image) {
				return nil
			}
			area := c.ImageHeight * c.ImageWidth
			out := make([]float64, len(image))
			for i := range image {
				channel, at := i/area, i
				into := channel
				if reverse {
					at = (2-channel)*area + i%area
					into = 2 - channel
				}
				out[i] = (image[at]*n.std[into] + n.mean[into] - of.mean[into]) / of.std[into]
			}
			return out
		})
		h.alone = n != half || of == clip || reverse && of != imageNet
		all = append(all, h)
	}
	return all
}

// fits reports whether pixels may be those of an image that was so normalised: in [0, 1] before. Pixels that nothing fits may be anything.
func (n normalisation) fits(c arch.Config, image []float64) bool {
	const slack = 1e-3
	within := func(n normalisation) bool {
		area := c.ImageHeight * c.ImageWidth
		for i, v := range image {
			if before := v*n.std[i/area] + n.mean[i/area]; before < -slack || before > 1+slack {
				return false
			}
		}
		return true
	}
	return within(n) || !within(half) && !within(imageNet) && !within(clip) && !within(ofBytes)
}

// moved returns an image whose pixels are those of other places.
func moved(c arch.Config, image []float64, from func(channel, y, x int) (int, int, int)) []float64 {
	out := make([]float64, len(image))
	for i := range out {
		channel, y, x := from(i/(c.ImageHeight*c.ImageWidth), i/c.ImageWidth%c.ImageHeight, i%c.ImageWidth)
		out[i] = image[(channel*c.ImageHeight+y)*c.ImageWidth+x]
	}
	return out
}

func grey(c arch.Config, image []float64) []float64 {
	area := c.ImageHeight * c.ImageWidth
	out := make([]float64, len(image))
	for i := range out {
		for channel := range c.Channels {
			out[i] += image[channel*area+i%area] / float64(c.Channels)
		}
	}
	return out
}

// channelsLastImage returns [H, W, channels] of an image in memory, taken for [channels, H, W].
func channelsLastImage(c arch.Config, image []float64) []float64 {
	area := c.ImageHeight * c.ImageWidth
	out := make([]float64, 0, len(image))
	for place := range area {
		for channel := range c.Channels {
			out = append(out, image[channel*area+place])
		}
	}
	return out
}
