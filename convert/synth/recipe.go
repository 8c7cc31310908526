package synth

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"math"
	"math/bits"
	"strings"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/zoo/arch"
)

// golden is the odd constant of splitmix64: 2^64 divided by the golden ratio.
const golden = 0x9E3779B97F4A7C15

// pieceElements is how many elements are made at a time while streaming.
const pieceElements = 1 << 16

// Weights gives the float32 tensors of an architecture in the order of config.Params, unmade. Reading them is safe from several goroutines.
func Weights(config arch.Config, seed uint64) []tensor.Named {
	params := config.Params()
	weights := make([]tensor.Named, len(params))
	for i, p := range params {
		elements, _ := p.Shape.Elements()
		centre, scale := centreAndScale(p.Name, p.Shape)
		weights[i] = tensor.Named{Name: p.Name, View: tensor.View{
			DType: tensor.F32, Shape: p.Shape,
			Data: noise{key: key(p.Name, seed), centre: centre, scale: scale, elements: elements},
		}}
	}
	return weights
}

// noise is a tensor of the recipe: centre + scale * unit, rounded once to float32.
type noise struct {
	key           uint64
	centre, scale float64
	elements      int64
}

// Bytes makes the whole tensor.
func (n noise) Bytes() ([]byte, error) {
	raw := make([]byte, 4*n.elements)
	n.fill(raw, 0)
	return raw, nil
}

// WriteTo makes and writes the tensor piece by piece.
func (n noise) WriteTo(w io.Writer) (int64, error) {
	var written int64
	piece := make([]byte, 4*min(n.elements, pieceElements))
	for at := int64(0); at < n.elements; at += pieceElements {
		part := piece[:4*min(n.elements-at, pieceElements)]
		n.fill(part, at)
		count, err := w.Write(part)
		written += int64(count)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// fill makes the elements from index first on.
func (n noise) fill(raw []byte, first int64) {
	state := n.key + uint64(first)*golden
	for i := 0; i+4 <= len(raw); i += 4 {
		binary.LittleEndian.PutUint32(raw[i:], math.Float32bits(float32(n.centre+n.scale*unit(state))))
		state += golden
	}
}

// unit is a multiple of 2^-23 in [-1, 1).
func unit(state uint64) float64 {
	return float64(int64(splitmix64(state)>>40)-1<<23) / (1 << 23)
}

// splitmix64 is one step of that generator.
func splitmix64(x uint64) uint64 {
	z := x + golden
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func key(name string, seed uint64) uint64 {
	hash := fnv.New64a()
	io.WriteString(hash, name)
	return hash.Sum64() ^ splitmix64(seed)
}

// centreAndScale are chosen so that activations of random weights stay of order one through all blocks.
func centreAndScale(name string, shape tensor.Shape) (centre, scale float64) {
	parent, last := "", name
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		parent, last = name[:dot], name[dot+1:]
	}
	switch last {
	case "gamma_1", "gamma_2":
		return 1.0 / 4, 1.0 / 8
	case "relative_position_bias_table":
		return 0, 1
	case "cls_token", "mask_token", "pos_embed":
		return 0, 1.0 / 8
	case "bias", "q_bias", "v_bias":
		return 0, 1.0 / 16
	}
	if strings.HasPrefix(parent[strings.LastIndexByte(parent, '.')+1:], "norm") || parent == "fc_norm" {
		return 1, 1.0 / 8
	}
	return 0, math.Ldexp(1, -((bits.Len(uint(fanIn(shape))) - 1) / 2))
}

// fanIn is the number of inputs of an output element: the product of all dimensions but the first.
func fanIn(shape tensor.Shape) int {
	product := 1
	for _, n := range shape[1:] {
		product *= n
	}
	return product
}
