package enginetest

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// volume is a picture: for each channel its rows, one after another.
type volume struct {
	channels      matrix
	height, width int
}

// encoded is reference for the encoder of a dVAE, tokens aside. Source: openai/DALL-E dall_e/encoder.py.
func (r *definition) encoded(pixels []float64) map[string]matrix {
	x := volume{make(matrix, r.config.Channels), r.config.ImageHeight, r.config.ImageWidth}
	size := x.height * x.width
	for c := range x.channels {
		x.channels[c] = pixels[c*size : (c+1)*size]
	}
	found := map[string]matrix{}
	x = r.grouped(r.convolve("blocks.input", x), found, halved)
	found["logits"] = r.convolve("blocks.output.conv", rectified(x)).channels
	return found
}

// decoded is reference for the decoder of a dVAE. Source: openai/DALL-E dall_e/decoder.py and dall_e/utils.py.
func (r *definition) decoded(tokens []int32) map[string]matrix {
	oneHot := volume{make(matrix, r.config.Classes), r.config.ImageHeight / r.config.PatchSize, r.config.ImageWidth / r.config.PatchSize}
	for c := range oneHot.channels {
		oneHot.channels[c] = make([]float64, len(tokens))
	}
	for place, token := range tokens {
		oneHot.channels[token][place] = 1
	}
	found := map[string]matrix{}
	x := r.grouped(r.convolve("blocks.input", oneHot), found, doubled)
	found["decoded"] = r.convolve("blocks.output.conv", rectified(x)).channels
	for _, channel := range found["decoded"][:r.config.Channels] {
		var picture []float64
		for _, v := range channel {
			picture = append(picture, min(max((1/(1+math.Exp(-v))-0.1)/(1-2*0.1), 0), 1))
		}
		found["picture"] = append(found["picture"], picture)
	}
	return found
}

// grouped computes the groups of a dVAE, between which resize is called, and writes the activations to found.
func (r *definition) grouped(x volume, found map[string]matrix, resize func(volume) volume) volume {
	found["embed"] = x.channels
	groups := 1
	for side := r.config.PatchSize; side > 1; side /= 2 {
		groups++
	}
	for i := range r.config.Depth {
		each := r.config.Depth / groups
		if i > 0 && i%each == 0 {
			x = resize(x)
		}
		prefix := fmt.Sprintf("blocks.group_%d.block_%d.", i/each+1, i%each+1)
		path := x
		for k := range 4 {
			path = r.convolve(fmt.Sprintf("%sres_path.conv_%d", prefix, k+1), rectified(path))
		}
		if _, widens := r.weights[prefix+"id_path.w"]; widens {
			x = r.convolve(prefix+"id_path", x)
		}
		layers := float64(r.config.Depth)
		sum := volume{make(matrix, len(x.channels)), x.height, x.width}
		for c := range sum.channels {
			for at, v := range x.channels[c] {
				sum.channels[c] = append(sum.channels[c], v+1/(layers*layers)*path.channels[c][at])
			}
		}
		x = sum
		found[fmt.Sprintf("blocks.%d", i)] = x.channels
	}
	return x
}

// convolve computes a convolution of a dVAE.
func (r *definition) convolve(name string, x volume) volume {
	return r.filter(name+".w", r.weights[name+".b"], x)
}

// filter computes a convolution whose result is as large as x, around which there are zeros.
//
//go:norace
func (r *definition) filter(name string, bias []float64, x volume) volume {
	weight := r.weights[name]
	side := int(math.Round(math.Sqrt(float64(len(weight) / len(bias) / len(x.channels)))))
	out := volume{make(matrix, len(bias)), x.height, x.width}
	for o := range out.channels {
		sums := slices.Repeat(bias[o:o+1], x.height*x.width)
		for c, channel := range x.channels {
			for k := range side * side {
				down, across := k/side-side/2, k%side-side/2
				factor := weight[(o*len(x.channels)+c)*side*side+k]
				for row := max(0, -down); row < min(x.height, x.height-down); row++ {
					for column := max(0, -across); column < min(x.width, x.width-across); column++ {
						sums[row*x.width+column] += factor * channel[(row+down)*x.width+column+across]
					}
				}
			}
		}
		out.channels[o] = sums
	}
	return out
}

func rectified(x volume) volume {
	out := volume{height: x.height, width: x.width}
	for _, channel := range x.channels {
		var positive []float64
		for _, v := range channel {
			positive = append(positive, max(v, 0))
		}
		out.channels = append(out.channels, positive)
	}
	return out
}

// halved has the largest of each four values.
func halved(x volume) volume {
	out := volume{height: x.height / 2, width: x.width / 2}
	for _, channel := range x.channels {
		var largest []float64
		for at := range out.height * out.width {
			corner := at/out.width*2*x.width + at%out.width*2
			largest = append(largest, max(channel[corner], channel[corner+1], channel[corner+x.width], channel[corner+x.width+1]))
		}
		out.channels = append(out.channels, largest)
	}
	return out
}

// doubled has each value four times.
func doubled(x volume) volume {
	out := volume{height: 2 * x.height, width: 2 * x.width}
	for _, channel := range x.channels {
		var repeated []float64
		for at := range out.height * out.width {
			repeated = append(repeated, channel[at/out.width/2*x.width+at%out.width/2])
		}
		out.channels = append(out.channels, repeated)
	}
	return out
}

// quantised is reference for VQ-KD. Source: microsoft/unilm beit2/modeling_vqkd.py.
func (r *definition) quantised(pixels, tokens []float64) map[string]matrix {
	found := map[string]matrix{}
	encoder := &definition{r.config.Encoder(), r.below("encoder.")}
	for name, lines := range encoder.transformed(pixels, nil) {
		found[name] = lines
	}
	found["codes"] = r.task("encode_task_layer.", found["pool"])
	if tokens == nil || r.config.Codebook.Decoder.Depth == 0 {
		return found
	}
	dim := r.config.Codebook.Dim
	grid := make([]float64, dim*len(tokens)) // an image with a channel for each dimension of the codes
	for place, token := range tokens {
		for c := range dim {
			grid[c*len(tokens)+place] = r.weights["quantize.embedding.weight"][int(token)*dim+c]
		}
	}
	decoder := &definition{r.config.Decoder(), r.below("decoder.")}
	for name, lines := range decoder.transformed(grid, nil) {
		found["decoder."+name] = lines
	}
	found["target"] = r.task("decode_task_layer.", found["decoder.pool"])
	return found
}

// below returns the weights whose names begin with prefix, without it.
func (r *definition) below(prefix string) map[string][]float64 {
	part := map[string][]float64{}
	for name, values := range r.weights {
		if rest, found := strings.CutPrefix(name, prefix); found {
			part[rest] = values
		}
	}
	return part
}

func (r *definition) task(prefix string, x matrix) matrix {
	hidden := r.linear(prefix+"0.", x)
	for _, line := range hidden {
		for i, v := range line {
			line[i] = math.Tanh(v)
		}
	}
	return r.linear(prefix+"2.", hidden)
}

// score returns how well a code fits what is looked up: more for a nearer one, once that has the length 1. Source: microsoft/unilm
// beit2/norm_ema_quantizer.py.
//
//go:norace
func (r *definition) score(vector []float64, code int) float64 {
	length := 0.0
	for _, v := range vector {
		length += v * v
	}
	length = max(math.Sqrt(length), 1e-12)
	distance := 0.0
	for i, v := range vector {
		off := v/length - r.weights["quantize.embedding.weight"][code*len(vector)+i]
		distance += off * off
	}
	return -distance
}
