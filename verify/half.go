package verify

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// halfTensor is a parameter that was rounded when it was stored: to half precision, in the subject's file or in the reference's, or, after it was computed, to
// its own dtype.
type halfTensor struct {
	name  string
	dtype tensor.DType
	// telling means that its values would differ from those that it was rounded from. Tensors of a few round numbers, such as zeros and ones, may not.
	telling bool
	// computed means that its values were computed, so that they are not those of the reference, however well others agree.
	computed bool
}

// halfTensors returns the parameters that are stored in half precision, and those that were computed.
func (v *verification) halfTensors() ([]halfTensor, error) {
	others := map[string]tensor.View{}
	for _, w := range v.reference.weights {
		others[w.Name] = w.View
	}
	var all []halfTensor
	for _, w := range v.subject.Weights {
		view := w.View
		if other, found := others[w.Name]; found && coarser(view.DType, other.DType) == other.DType {
			view = other
		}
		h := halfTensor{name: w.Name, dtype: view.DType}
		if v.reference.weights == nil && isHalf(v.reference.Stored) {
			h.dtype = coarser(h.dtype, v.reference.Stored)
		}
		h.computed = slices.Contains(v.subject.Rounded, w.Name) && h.dtype != tensor.F64
		if !isHalf(h.dtype) && !h.computed {
			continue
		}
		var err error
		if h.telling, err = telling(view); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

// roundedInput returns the doubt that the images were rounded to float32 when they were recorded, if a tokenizer was recorded in float64: such programs scale the
// pixels themselves.
func (v *verification) roundedInput() []halfTensor {
	if v.subject.Config.Kind == arch.Transformer || v.origin.DType != tensor.F64 || v.reference.isOracle() || v.reference.weights != nil {
		return nil
	}
	return []halfTensor{{name: inputTensor, dtype: tensor.F32, telling: true}}
}

// shakenInput returns an input whose pixels are changed by at most half of their last place.
func shakenInput(input engine.Input, draw uint64) engine.Input {
	random := rand.New(rand.NewPCG(draw, uint64(len(input.Pixels))))
	shaken := input
	shaken.Pixels = slices.Clone(input.Pixels)
	for i, p := range shaken.Pixels {
		// Pixels are float32 here, so one in two is moved to a neighbour: on average as much as rounding does.
		switch random.IntN(4) {
		case 0:
			shaken.Pixels[i] = math.Nextafter32(p, float32(math.Inf(1)))
		case 1:
			shaken.Pixels[i] = math.Nextafter32(p, float32(math.Inf(-1)))
		}
	}
	return shaken
}

func isHalf(dtype tensor.DType) bool { return dtype == tensor.F16 || dtype == tensor.BF16 }

// telling reports whether the values of a tensor in half precision use all of its bits, so that they were hardly the same before they were rounded.
func telling(view tensor.View) (bool, error) {
	if !isHalf(view.DType) {
		return true, nil
	}
	odd, count := 0, 0
	err := tensor.Guard(func() error {
		raw, err := view.Bytes()
		count = len(raw) / 2
		for i := range count {
			odd += int(raw[2*i] & 1) // the lowest bit of the mantissa
		}
		return err
	})
	const few = 8
	return count >= 2*few && odd*few >= count, err
}

// shaken returns the weights with each value of those tensors changed by at most half of its last place, as another value that rounds to the same. The same draw
// returns the same values.
func shaken(weights []tensor.Named, half []halfTensor, draw uint64) []tensor.Named {
	dtypes := map[string]tensor.DType{}
	for _, h := range half {
		dtypes[h.name] = h.dtype
	}
	out := make([]tensor.Named, 0, len(weights))
	for _, w := range weights {
		if dtype, is := dtypes[w.Name]; is {
			w.View = tensor.View{DType: tensor.F64, Shape: w.Shape, Data: shakenData{w.View, w.Name, dtype, draw}}
		}
		out = append(out, w)
	}
	return out
}

// shakenData are the elements of a tensor as float64, changed by at most half of their last place in dtype.
type shakenData struct {
	view  tensor.View
	name  string
	dtype tensor.DType
	draw  uint64
}

func (d shakenData) Bytes() ([]byte, error) {
	values, err := tensor.Float64s(d.view)
	if err != nil {
		return nil, err
	}
	seed := fnv.New64a()
	seed.Write([]byte(d.name))
	random := rand.New(rand.NewPCG(seed.Sum64(), d.draw))
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v+(random.Float64()-0.5)*lastPlace(v, d.dtype)))
	}
	return raw, nil
}

func (d shakenData) WriteTo(w io.Writer) (int64, error) {
	raw, err := d.Bytes()
	if err != nil {
		return 0, err
	}
	return tensor.Memory(raw).WriteTo(w)
}

// lastPlace returns the distance from a value to the next of a dtype that values are rounded to.
func lastPlace(v float64, dtype tensor.DType) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	bits, smallest := 8, -133 // of a bfloat16, and of its smallest number
	switch dtype {
	case tensor.F16:
		bits, smallest = 11, -24
	case tensor.F32:
		bits, smallest = 24, -149
	}
	if v == 0 {
		return math.Ldexp(1, smallest)
	}
	_, exponent := math.Frexp(v) // |v| is in [2^(exponent-1), 2^exponent)
	return math.Ldexp(1, max(exponent-bits, smallest))
}
