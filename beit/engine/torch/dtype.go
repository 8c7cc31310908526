//go:build libtorch

package torch

import (
	"fmt"
	"sync"

	cpuid "golang.org/x/sys/cpu"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// dtype is libtorch's c10::ScalarType.
type dtype int32

const (
	booleans dtype = 11
	int32s   dtype = 3
	int64s   dtype = 4
	float16  dtype = 5
	float32s dtype = 6
	float64s dtype = 7
	bfloat16 dtype = 15
)

var dtypes = map[tensor.DType]dtype{tensor.F16: float16, tensor.BF16: bfloat16, tensor.F32: float32s, tensor.F64: float64s}

// parseDType returns libtorch's number of a float type, or that of F32 for Invalid.
func parseDType(d tensor.DType) (dtype, error) {
	if d == tensor.Invalid {
		return float32s, nil
	}
	if known, ok := dtypes[d]; ok {
		return known, nil
	}
	return 0, &engine.DTypeError{Engine: Engine{}.Name(), DType: d, Reason: "it has F64, F32, BF16 and F16"}
}

// atLeastFloat32 returns d, or float32s for half precision.
func (d dtype) atLeastFloat32() dtype {
	if d == float64s {
		return d
	}
	return float32s
}

// supported reports whether libtorch computes in that dtype on the CPU, which it finds out by trying once.
func supported(d dtype) bool { return d.once("compute", d.compute) }

// convolves reports whether libtorch has the operators of a dVAE in that dtype on the CPU, which it finds out by trying once.
func convolves(d dtype) bool { return d.once("convolve", d.convolve) }

// segments reports whether libtorch has the operators of UPerNet in that dtype on the CPU, which it finds out by trying once.
func segments(d dtype) bool { return d.once("segment", d.segment) }

// packable reports whether this libtorch and processor multiply with packed weights of that dtype, which it finds out by trying once.
func packable(d dtype) bool { return d != float64s && d.once("pack", d.pack(forOneDNN)) }

// packableForMKL is packable for weights that MKL packs.
func packableForMKL(d dtype) bool { return d == float32s && d.once("pack for MKL", d.pack(forMKL)) }

// packableAsConvolution is packable for weights that are packed as those of convolutions.
func packableAsConvolution(d dtype) bool {
	return d == float32s && d.once("pack as convolution", d.pack(asConvolution))
}

// productType returns the dtype in which linear layers multiply in a model of dtype d: d itself, or float32, whose products are faster than those of bfloat16 where there are
// no instructions for them, and on processors of Intel without AMX. There 2,048 rows reach, with one and two threads of a Xeon, 79 and 154 GFLOP/s in BF16
// (oneDNN), and 132 and 248 in F32 (MKL). Widened weights take the memory of float32.
func productType(device device, d dtype) dtype {
	if device == cpu && d == bfloat16 && packable(float32s) && (!packable(d) || processorOfIntel() && !cpuid.X86.HasAMXBF16) {
		return float32s
	}
	return d
}

// layouts returns, for a model of dtype d, productType, the layout of the weights of linear layers, and that of layers which are given all tokens of so many images at once, or
// of one (0). On processors of Intel MKL is faster there than oneDNN, on those of AMD, for which it has no AVX-512 kernels, half as fast (2,048 rows, one core of an EPYC: 107
// and 230 GFLOP/s). On a Xeon with AVX-512, one and two threads, products of 577 rows reach with oneDNN 104 to 133 and 207 to 213 GFLOP/s, with MKL 131 to 157 and 250 to 260.
// One image takes whole models 0.79 to 0.93 of the time with oneDNN (base_224, base_384, large_512). MKL packs for one number of rows, that of one image, so a batch goes image
// by image. With one thread it takes 0.90 to 0.99 of the time (base_224, eight images: 0.94, in bfloat16 0.89; base_384, four: 0.99; large_224, two: 0.90), with two
// 1.02 to 1.14.
//
// With AVX2 alone oneDNN does not pack the weights of linear layers, but does those of convolutions. On an EPYC, with one thread, 197 rows reach 52 to 61 GFLOP/s in the layers
// of base_224, and 61 to 72 as convolutions; with two 96 to 108, and 106 to 127; 577 rows 122 to 139, and 139 to 144; from 1,025 rows on both are equally fast. One image
// takes whole models 0.83 and 0.88 of the time, with one and two threads (base_224; base_384 0.96 and 0.95, large_512 with two 0.94).
func layouts(device device, d dtype, batch, threads int) (products dtype, usual, tokens layout) {
	products = productType(device, d)
	if device == cpu && packable(products) {
		usual, tokens = forOneDNN, forOneDNN
		switch {
		case (batch <= 1 || threads == 1) && processorOfIntel() && packableForMKL(products):
			tokens = forMKL
		case batch <= 1 && cpuid.X86.HasAVX2 && !cpuid.X86.HasAVX512F && packableAsConvolution(products):
			tokens = asConvolution
		}
	}
	return products, usual, tokens
}

// convolutionPackable is packable for the weights of convolutions.
func convolutionPackable(d dtype) bool {
	return d != float64s && d.once("pack convolutions", d.packConvolution)
}

// known has a func() bool for each question and dtype that once was called with.
var known sync.Map

// once reports whether compute succeeds. It runs compute only the first time that it is called with this question.
func (d dtype) once(question string, compute func(s *scope)) bool {
	answer, _ := known.LoadOrStore(fmt.Sprint(question, d), sync.OnceValue(func() bool { return attempt(compute) }))
	return answer.(func() bool)()
}

// compute runs the operators of a forward pass that old versions of libtorch lack in some dtypes.
func (d dtype) compute(s *scope) {
	const width = 16
	x := s.copyTo(s.floats(make([]float32, width*width), width, width), cpu, d)
	line := s.copyTo(s.floats(make([]float32, width), width), cpu, d)
	s.gelu(s.linear(s.layerNorm(x, line, line, 1e-6, width), x, line))
	s.addScaled(x, line, s.softmax(s.matmul(x, x)))
}

// convolve runs the operators of a dVAE.
func (d dtype) convolve(s *scope) {
	const width, side = 16, 4
	x := s.copyTo(s.floats(make([]float32, width*side*side), 1, width, side, side), cpu, d)
	weight := s.copyTo(s.floats(make([]float32, width*width*3*3), width, width, 3, 3), cpu, d)
	bias := s.copyTo(s.floats(make([]float32, width), width), cpu, d)
	s.double(s.halve(s.convolution(s.rectified(x), weight, bias, 1)), side, side)
	s.sigmoid(x)
	s.choose(x, 1, cpu)
}

// segment runs the operators of UPerNet.
func (d dtype) segment(s *scope) {
	const width, side = 16, 4
	x := s.copyTo(s.floats(make([]float32, width*side*side), 1, width, side, side), cpu, d)
	weight := s.copyTo(s.floats(make([]float32, width*width*2*2), width, width, 2, 2), cpu, d)
	line := s.copyTo(s.floats(make([]float32, width), width), cpu, d)
	x = s.interpolate(s.batchNorm(s.enlarge(x, weight, line), line, line, line, line), side, side)
	window := s.copyTo(s.floats(make([]float32, width*width*3*3), width, width, 3, 3), cpu, d)
	s.average(s.halve(s.convolution(x, window, line, 1)), 1)
}

// pack returns a function that multiplies with a weight in that layout.
func (d dtype) pack(to layout) func(s *scope) {
	return func(s *scope) {
		const rows, width = 8, 16
		x := s.copyTo(s.floats(make([]float32, rows*width), rows, width), cpu, d)
		weight := func(s *scope) value { return s.copyTo(s.floats(make([]float32, width*width), width, width), cpu, d) }
		layer := s.layer(weight, s.copyTo(s.floats(make([]float32, width), width), cpu, d), rows, width, width, d, to)
		layer.apply(s, x)
		layer.applyGELU(s, x)
	}
}

// packConvolution computes convolutions with packed weights.
func (d dtype) packConvolution(s *scope) {
	const width, side = 16, 4
	for window := range packedConvolutions {
		x := s.copyTo(s.floats(make([]float32, width*side*side), 1, width, side, side), cpu, d)
		weight := s.copyTo(s.floats(make([]float32, width*width*window*window), width, width, int64(window), int64(window)), cpu, d)
		c := convolution{s.packConvolution(weight, width, window, side, side), s.copyTo(s.floats(make([]float32, width), width), cpu, d), window, true}
		c.addTo(s, c.apply(s, x), x)
	}
}
