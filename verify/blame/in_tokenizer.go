package blame

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// codebook is the name of the parameter with the codes of VQ-KD.
const codebook = "quantize.embedding.weight"

// mapped is the form of the samples that a dVAE reads.
var mapped = normalisation{"mapped to 0.8 x + 0.1", "the map 0.8 x + 0.1", [3]float64{-0.125, -0.125, -0.125}, [3]float64{1.25, 1.25, 1.25}}

// seen returns the mistake that change makes in the images that a model sees; nil says that they cannot be so.
func seen(name, says string, change pixelFunc) mistake {
	const advice = "give the tokenizer its own view of the images, or record what it saw"
	return mistake{name: name, says: says, side: Input, input: true, advice: advice, apply: func(d *stageDraft) bool {
		c := d.config
		if c.Channels != arch.RGB {
			return false
		}
		changed := make([]float32, 0, len(d.input.Pixels))
		for image := range slices.Chunk(d.input.Pixels, c.Channels*c.ImageHeight*c.ImageWidth) {
			wide := make([]float64, len(image))
			for i, v := range image {
				wide[i] = float64(v)
			}
			one := change(c, wide)
			if one == nil {
				return false
			}
			for _, v := range one {
				changed = append(changed, float32(v))
			}
		}
		d.input = engine.Input{Pixels: changed}
		return true
	}}
}

// renormalised returns the mistake that images are in one form and the recorded input in another.
func renormalised(from, to normalisation) mistake {
	says := fmt.Sprintf("the images are %s, and the input in the recording is in the form of %s", to.says, from.short)
	return seen("normalisation", says, func(c arch.Config, image []float64) []float64 {
		area := c.ImageHeight * c.ImageWidth
		out := make([]float64, len(image))
		for i, v := range image {
			before := v*from.std[i/area] + from.mean[i/area]
			if before < -viewSlack || before > 1+viewSlack {
				return nil
			}
			out[i] = (before - to.mean[i/area]) / to.std[i/area]
		}
		return out
	})
}

// inView returns the mistakes in the images that a model sees.
func inView() []mistake {
	var all []mistake
	ways := []normalisation{mapped, unit, half, imageNet, ofBytes, clip}
	for _, from := range ways {
		for _, to := range ways {
			if from != to {
				all = append(all, renormalised(from, to))
			}
		}
	}
	place := func(says string, from func(c arch.Config, channel, y, x int) (int, int, int)) mistake {
		return seen("input", "the images are "+says, func(c arch.Config, image []float64) []float64 {
			if c.ImageHeight != c.ImageWidth {
				return nil
			}
			return moved(c, image, func(channel, y, x int) (int, int, int) { return from(c, channel, y, x) })
		})
	}
	all = append(all, seen("normalisation", "the images are mapped twice, to 0.8 x + 0.1", func(_ arch.Config, image []float64) []float64 {
		return each(image, func(v float64) float64 { return 0.8*v + 0.1 })
	}))
	colours := place("", func(_ arch.Config, channel, y, x int) (int, int, int) { return 2 - channel, y, x })
	colours.name, colours.says = "channel-order", "the colours (channels) come as blue, green, red"
	return append(all, colours,
		seen("input", "the images are grey: all colours are their mean", grey),
		seen("input", "the images are read as [height, width, channels] without moving the axes", channelsLastImage),
		place("mirrored left to right", func(c arch.Config, channel, y, x int) (int, int, int) { return channel, y, c.ImageWidth - 1 - x }),
		place("upside down (flipped)", func(c arch.Config, channel, y, x int) (int, int, int) { return channel, c.ImageHeight - 1 - y, x }),
		place("transposed: across is down", func(_ arch.Config, channel, y, x int) (int, int, int) { return channel, x, y }))
}

// viewSlack is how far pixels may be from those of a picture, for rounding.
const viewSlack = 1e-3

// inGain returns the mistakes about the factor of the paths of a dVAE.
func inGain(config arch.Config) []mistake {
	scaled := func(name, says, repair string, side Side, advice string, factor float64) mistake {
		return mistake{name: name, says: says, repair: repair, side: side, advice: advice, apply: func(d *stageDraft) bool {
			for _, b := range config.ConvolutionBlocks() {
				for _, ending := range []string{".w", ".b"} {
					d.edit(fmt.Sprintf("%sres_path.conv_%d%s", b.Prefix, len(b.Kernels), ending), scale(factor))
				}
			}
			return true
		}}
	}
	squared := 1 / config.PostGain()
	says := fmt.Sprintf("the post gain is left out: what the paths give is added as it is, not divided by %g", squared)
	return []mistake{
		scaled("post-gain", says, fmt.Sprintf("multiply by %g", squared), Either,
			fmt.Sprintf("divide what the path of a block gives by %g, the square of the number of blocks", squared), squared),
		scaled("post-gain", fmt.Sprintf("the last convolution of the paths is divided by %g: it was multiplied as if there were no post gain", squared),
			fmt.Sprintf("divide by %g", squared), Checkpoint, "", 1/squared),
		scaled("post-gain", fmt.Sprintf("what the paths give is divided by %d, the number of blocks, not by its square", config.Depth),
			fmt.Sprintf("multiply by %d", config.Depth), Either, "", float64(config.Depth)),
	}
}

// inConvolutions returns the mistakes about the convolutions of a dVAE: those of which two are exchanged, and those of each.
func inConvolutions(config arch.Config) []mistake {
	var all []mistake
	params := config.Params()
	shapes := map[string]tensor.Shape{}
	var names []string
	for _, p := range params {
		shapes[p.Name] = p.Shape
		if name, is := strings.CutSuffix(p.Name, ".w"); is {
			names = append(names, name)
		}
	}
	for i, a := range names {
		for _, b := range names[:i] {
			if !shapes[a+".w"].Equal(shapes[b+".w"]) {
				continue
			}
			says := b + " and " + a + " are exchanged"
			all = append(all,
				mistake{name: "swapped-convolutions", says: says, repair: "exchange", apply: func(d *stageDraft) bool { return d.exchange(a+".w", b+".w") && d.exchange(a+".b", b+".b") }},
				mistake{name: "swapped-convolutions", says: "the weights of " + says, repair: "exchange", apply: func(d *stageDraft) bool { return d.exchange(a+".w", b+".w") }},
				mistake{name: "swapped-convolutions", says: "the biases of " + says, repair: "exchange", apply: func(d *stageDraft) bool { return d.exchange(a+".b", b+".b") }})
		}
	}
	blocks := config.ConvolutionBlocks()
	for i, a := range blocks {
		for j, b := range blocks[:i] {
			if a.In != b.In || a.Out != b.Out {
				continue
			}
			says := fmt.Sprintf("blocks.%d and blocks.%d (%s and %s) are exchanged", j, i, strings.TrimSuffix(b.Prefix, "."), strings.TrimSuffix(a.Prefix, "."))
			all = append(all, mistake{name: "block-order", says: says, repair: "exchange", apply: func(d *stageDraft) bool {
				for _, p := range params {
					if rest, is := strings.CutPrefix(p.Name, a.Prefix); is && !d.exchange(p.Name, b.Prefix+rest) {
						return false
					}
				}
				return true
			}})
		}
	}
	return slices.Concat(all, inEachConvolution(names, shapes))
}

// inEachConvolution returns the mistakes about single convolutions, and about all of them.
func inEachConvolution(names []string, shapes map[string]tensor.Shape) []mistake {
	var all []mistake
	for _, c := range []struct {
		name, says, repair, ending string
		change                     changeFunc
		fits                       func(shape tensor.Shape) bool
	}{
		{
			"turned-kernel", "across and down are exchanged in %s: each kernel is transposed", "transpose the kernels", ".w",
			kernels(func(channel, y, x, _, _ int) (int, int, int) { return channel, x, y }), hasArea,
		},
		{
			"turned-kernel", "the kernels of %s are turned by 180 degrees, as in a true convolution", "turn the kernels", ".w",
			kernels(func(channel, y, x, _, side int) (int, int, int) { return channel, side - 1 - y, side - 1 - x }), hasArea,
		},
		{"kernel-layout", "the axes of %s are stored as [out, height, width, channels]", "put the axes in order", ".w", channelsLast, hasArea},
		{
			"kernel-layout", "the axes of %s are stored as [in, out, height, width]", "exchange the first two axes", ".w", exchangedChannels,
			func(shape tensor.Shape) bool { return shape[0] == shape[1] },
		},
		{"no-bias", "the bias of %s is left out", "zero", ".b", zeros, func(tensor.Shape) bool { return true }},
	} {
		of := func(names []string, says string) mistake {
			return mistake{name: c.name, says: says, repair: c.repair, apply: func(d *stageDraft) bool {
				for _, name := range names {
					d.edit(name+c.ending, c.change)
				}
				return true
			}}
		}
		fitting := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !c.fits(shapes[name+".w"]) })
		if len(fitting) == 0 {
			continue
		}
		all = append(all, of(fitting, fmt.Sprintf(c.says, "all convolutions")))
		for _, name := range fitting {
			all = append(all, of([]string{name}, fmt.Sprintf(c.says, name)))
		}
	}
	return all
}

func hasArea(shape tensor.Shape) bool { return shape[2] > 1 }

// exchangedChannels takes kernels that are stored as [in, out, height, width] for what they are, if there are as many in as out.
func exchangedChannels(values []float64, shape tensor.Shape) []float64 {
	count, area := shape[0], shape[2]*shape[3]
	out := make([]float64, len(values))
	for i := range out {
		o, in := i/(count*area), i/area%count
		out[i] = values[(in*count+o)*area+i%area]
	}
	return out
}

// tokenOrders are the orders in which visual tokens come by mistake.
var tokenOrders = []struct {
	says  string
	order func(n int) []int
}{
	{"rolled by 1", func(n int) []int { return rolled(n, 1) }},
	{"rolled back by 1", func(n int) []int { return rolled(n, -1) }},
	{"reversed", reversed},
}

// inTokens returns the mistakes about the order of the visual tokens of a dVAE: the rows of the encoder's last convolution, and the columns of the decoder's first.
func inTokens(config arch.Config) []mistake {
	var all []mistake
	for _, o := range tokenOrders {
		order := o.order(config.Classes)
		all = append(all, mistake{name: "token-order", says: "the visual tokens are " + o.says, repair: "put them in order", apply: func(d *stageDraft) bool {
			if config.Kind == arch.DVAEDecoder {
				return d.edit("blocks.input.w", func(values []float64, shape tensor.Shape) []float64 {
					out := make([]float64, len(values))
					for i := range out {
						out[i] = values[i/shape[1]*shape[1]+order[i%shape[1]]]
					}
					return out
				})
			}
			move := rows(func(i, _ int) int { return order[i] })
			return d.edit("blocks.output.conv.w", move) && d.edit("blocks.output.conv.b", move)
		}})
	}
	return all
}

// inCodes returns the mistakes about the layers in front of and behind the codebook of VQ-KD.
func inCodes() []mistake {
	all := []mistake{{
		name: "recorded-elsewhere", local: true, says: "the codes are recorded after they were divided by their lengths", side: Recording,
		advice: "record what encode_task_layer gives", apply: func(d *stageDraft) bool {
			d.after = func(stage engine.Stage, values []float64) {
				if stage.Kind == engine.Codes {
					unitRows(values, d.config.Codebook.Dim)
				}
			}
			return true
		},
	}}
	for _, layer := range []string{"encode_task_layer.0", "encode_task_layer.2", "decode_task_layer.0", "decode_task_layer.2"} {
		all = append(all,
			mistake{
				name: "reshaped", says: layer + ".weight was reshaped where it should have been transposed", repair: "read as [in, out] and transpose",
				apply: func(d *stageDraft) bool { return d.edit(layer+".weight", reread) },
			},
			mistake{name: "no-bias", says: layer + ".bias is left out", repair: "zero", apply: func(d *stageDraft) bool { return d.edit(layer+".bias", zeros) }})
	}
	return all
}

const unitCodes = "the codes are divided by their lengths: those of the checkpoint are not of length 1"

// inCodebook returns the mistakes about the codebook, and about how a code is chosen.
func inCodebook() []mistake {
	var all []mistake
	for _, o := range tokenOrders {
		all = append(all, mistake{name: "token-order", says: "the codes are " + o.says, repair: "put the codes in order", apply: func(d *stageDraft) bool {
			order := o.order(d.config.Codebook.Codes)
			return d.edit(codebook, rows(func(i, _ int) int { return order[i] }))
		}})
	}
	nearest := func(says string, choose func(code, other []float64) float64) mistake {
		return mistake{
			name: "no-unit-length", says: says, side: Program, advice: "divide each vector by its length before the nearest code is looked up",
			apply: func(d *stageDraft) bool {
				d.choose = func(codes []float64, d *stageDraft) []float64 { return d.nearest(codes, choose) }
				return true
			},
		}
	}
	return append(all,
		mistake{name: "no-unit-length", says: unitCodes, repair: "divide each row by its length", apply: func(d *stageDraft) bool {
			return d.edit(codebook, func(values []float64, shape tensor.Shape) []float64 {
				out := slices.Clone(values)
				unitRows(out, shape[1])
				return out
			})
		}},
		nearest("the vectors are compared with the codes as they are, without l2 norm: not divided by their lengths", func(code, other []float64) float64 {
			squares := 0.0
			for i, v := range code {
				squares += (v - other[i]) * (v - other[i])
			}
			return -squares
		}),
		nearest("the code with the largest product is taken, not the nearest one", func(code, other []float64) float64 {
			product := 0.0
			for i, v := range code {
				product += v * other[i]
			}
			return product
		}),
		mistake{
			name: otherTensor, says: "the codes are quantize.embedding.embed_avg, with which training moves them", repair: "take quantize.embedding.embed_avg",
			apply: func(d *stageDraft) bool {
				average := d.values("quantize.embedding.embed_avg")
				return average != nil && d.edit(codebook, func([]float64, tensor.Shape) []float64 { return average })
			},
		})
}

// nearest returns the index of the code for which choose is largest, for each vector.
func (d *stageDraft) nearest(codes []float64, choose func(code, other []float64) float64) []float64 {
	dim, book := d.config.Codebook.Dim, d.values(codebook)
	var tokens []float64
	for code := range slices.Chunk(codes, dim) {
		best, most := 0, math.Inf(-1)
		for i := range d.config.Codebook.Codes {
			if v := choose(code, book[i*dim:(i+1)*dim]); v > most {
				best, most = i, v
			}
		}
		tokens = append(tokens, float64(best))
	}
	return tokens
}

// unitRows divides rows by their lengths, in place.
func unitRows(values []float64, width int) {
	for row := range slices.Chunk(values, width) {
		squares := 0.0
		for _, v := range row {
			squares += v * v
		}
		for i := range row {
			row[i] /= max(math.Sqrt(squares), 1e-12)
		}
	}
}
