package synth

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/bits"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/random"
	"github.com/beitzoo/beitzoo/tensor"
)

// unit returns a multiple of 2^-23 in [-1, 1), which is exact in float32.
func unit(state uint64) float32 {
	return float32(int32(random.Mix(state)>>40)-1<<23) / (1 << 23)
}

// key returns the start of the stream of values of one name, from the 64-bit FNV-1a hash of the name and the seed.
func key(name string, seed uint64) uint64 {
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, name) // never fails
	return hash.Sum64() ^ random.Mix(seed+random.Golden)
}

// distributions have the centre and the scale of the values, by the end of the canonical name; the first line that matches is used. The scale of other
// weights depends on the number of inputs, so that a layer about keeps the variance.
var distributions = []struct {
	suffix        string
	centre, scale float32
}{
	{"norm.weight", 1, 1.0 / 8},
	{"norm1.weight", 1, 1.0 / 8},
	{"norm2.weight", 1, 1.0 / 8},
	{".bn.weight", 1, 1.0 / 8},    // of batch norms
	{"fpn1.1.weight", 1, 1.0 / 8}, // one, too
	{"running_mean", 0, 1.0 / 16},
	{"running_var", 1, 1.0 / 4},
	{"gamma_1", 1.0 / 4, 1.0 / 8},
	{"gamma_2", 1.0 / 4, 1.0 / 8},
	{"relative_position_bias_table", 0, 1},
	{"cls_token", 0, 1.0 / 8},
	{"mask_token", 0, 1.0 / 8},
	{"pos_embed", 0, 1.0 / 8},
	{"bias", 0, 1.0 / 16},
	{".b", 0, 1.0 / 16},    // of OpenAI's dVAE
	{"cluster_size", 1, 0}, // of VQ-KD
	{".initted", 1, 0},
}

// distribution returns the centre of a parameter's values, and their largest distance from it.
func distribution(name string, shape tensor.Shape) (centre, scale float32) {
	for _, d := range distributions {
		if strings.HasSuffix(name, d.suffix) {
			return d.centre, d.scale
		}
	}
	fanIn := 1
	for _, n := range shape[1:] {
		fanIn *= n
	}
	return 0, float32(math.Ldexp(1, -((bits.Len(uint(fanIn)) - 1) / 2)))
}

// counterSize is that of a batch norm's counter, an int64 that is 0.
const counterSize = 8

// Weights returns float32 weights for an architecture: canonical names, in the order of config.Params; the counters of batch norms are 0, in int64. They take no
// memory, since the views compute their elements while they are read. They may be read from several goroutines at once.
func Weights(config arch.Config, seed uint64) []tensor.Named {
	params := config.Params()
	weights := make([]tensor.Named, len(params))
	for i, p := range params {
		if p.Counter {
			weights[i] = tensor.Named{Name: p.Name, View: tensor.View{DType: tensor.I64, Shape: p.Shape, Data: make(tensor.Memory, counterSize)}}
			continue
		}
		elements, _ := p.Shape.Elements()
		centre, scale := distribution(p.Name, p.Shape)
		if isCodes(p.Name, p.Shape) {
			data := &codes{key(p.Name, seed), scale, int64(p.Shape[0]), int64(p.Shape[1])}
			weights[i] = tensor.Named{Name: p.Name, View: tensor.View{DType: tensor.F32, Shape: p.Shape, Data: data}}
			continue
		}
		weights[i] = tensor.Named{Name: p.Name, View: tensor.View{DType: tensor.F32, Shape: p.Shape, Data: flat(key(p.Name, seed), centre, scale, elements)}}
	}
	return weights
}

// Image returns probe image n for an architecture: random values in [-2, 2), as normalised pixels have, [Channels, ImageHeight, ImageWidth], row-major. The
// slice belongs to the caller.
func Image(n int, config arch.Config, seed uint64) []float32 {
	state := key(fmt.Sprintf("input.%d", n), seed) + random.Golden
	pixels := make([]float32, config.Channels*config.ImageHeight*config.ImageWidth)
	for i := range pixels {
		pixels[i] = 2 * unit(state)
		state += random.Golden
	}
	return pixels
}

// Images returns the first count probe images, [count, Channels, ImageHeight, ImageWidth], row-major. The slice belongs to the caller.
func Images(count int, config arch.Config, seed uint64) []float32 {
	batch := make([]float32, 0, count*config.Channels*config.ImageHeight*config.ImageWidth)
	for n := range count {
		batch = append(batch, Image(n, config, seed)...)
	}
	return batch
}
