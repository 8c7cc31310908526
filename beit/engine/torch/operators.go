//go:build libtorch

package torch

import (
	"math"
	"unsafe"

	"github.com/sugarme/gotch/libtch"

	"github.com/beitzoo/beitzoo/beit/arch"
)

func (s *scope) layerNorm(x, weight, bias value, epsilon float64, dim int) value {
	return s.operator("layer_norm", line{"torch.layer_norm(%s, [%s], %s, %s, %s)", []any{x, dim, weight, bias, epsilon}}, func(out *libtch.Ctensor) {
		libtch.AtgLayerNorm(out, x.c, []int64{int64(dim)}, 1, weight.c, bias.c, epsilon, 1)
	})
}

// linear returns x times the transposed weight, [out, in], plus bias.
func (s *scope) linear(x, weight, bias value) value {
	return s.operator("linear", line{"torch.linear(%s, %s, %s)", []any{x, weight, bias}}, func(out *libtch.Ctensor) { libtch.AtgLinear(out, x.c, weight.c, bias.c) })
}

// gelu computes the exact GELU, with erf, in place.
func (s *scope) gelu(x value) value {
	return s.operator("gelu_", line{"torch.gelu_(%s)", []any{x}}, func(out *libtch.Ctensor) { libtch.AtgGelu_(out, x.c, "none") })
}

// addScaled adds branch to x in place, multiplied by gamma unless that is absent.
func (s *scope) addScaled(x, gamma, branch value) {
	if gamma == (value{}) {
		s.add(x, branch)
		return
	}
	s.operator("addcmul_", line{"torch.addcmul_(%s, %s, %s)", []any{x, branch, gamma}}, func(out *libtch.Ctensor) { libtch.AtgAddcmul_(out, x.c, branch.c, gamma.c) })
}

// add adds y to x in place.
func (s *scope) add(x, y value) {
	s.operator("add_", line{"torch.add_(%s, %s)", []any{x, y}}, func(out *libtch.Ctensor) { libtch.AtgAdd_(out, x.c, y.c) })
}

// scale multiplies x in place.
func (s *scope) scale(x value, factor float64) {
	s.operator("mul_", line{"torch.mul_(%s, %s)", []any{x, factor}}, withNumber(factor, func(out *libtch.Ctensor, number libtch.Cscalar) {
		libtch.AtgMulScalar_(out, x.c, number)
	}))
}

// divideBy divides x in place.
func (s *scope) divideBy(x value, divisor float64) {
	s.number("div_", divisor, func(out *libtch.Ctensor, number libtch.Cscalar) { libtch.AtgDivScalar_(out, x.c, number) })
}

// plus adds a number to x in place.
func (s *scope) plus(x value, summand float64) {
	s.number("add_", summand, func(out *libtch.Ctensor, number libtch.Cscalar) { libtch.AtgAddScalar_(out, x.c, number) })
}

// atLeast replaces smaller elements of x, in place.
func (s *scope) atLeast(x value, least float64) {
	s.number("clamp_min_", least, func(out *libtch.Ctensor, number libtch.Cscalar) { libtch.AtgClampMin_(out, x.c, number) })
}

// atMost replaces larger elements of x, in place.
func (s *scope) atMost(x value, most float64) {
	s.number("clamp_max_", most, func(out *libtch.Ctensor, number libtch.Cscalar) { libtch.AtgClampMax_(out, x.c, number) })
}

// length returns the Euclidean length of each vector of the last dimension, [..., 1].
func (s *scope) length(x value) value {
	return s.number("norm", 2, func(out *libtch.Ctensor, number libtch.Cscalar) {
		libtch.AtgNormScalaroptDim(out, x.c, number, []int64{-1}, 1, 1)
	})
}

// number is call for an operator that takes a number.
func (s *scope) number(operator string, number float64, run func(out *libtch.Ctensor, number libtch.Cscalar)) value {
	return s.call(operator, withNumber(number, run))
}

// withNumber returns run with a number as libtorch's scalar.
func withNumber(number float64, run func(out *libtch.Ctensor, number libtch.Cscalar)) func(out *libtch.Ctensor) {
	return func(out *libtch.Ctensor) {
		scalar := libtch.AtsFloat(number)
		defer libtch.AtsFree(scalar)
		run(out, scalar)
	}
}

// divide divides x by y in place.
func (s *scope) divide(x, y value) {
	s.call("div_", func(out *libtch.Ctensor) { libtch.AtgDiv_(out, x.c, y.c) })
}

func (s *scope) square(x value) value {
	return s.call("square", func(out *libtch.Ctensor) { libtch.AtgSquare(out, x.c) })
}

// sum returns the sum over the last dimension.
func (s *scope) sum(x value) value {
	return s.call("sum", func(out *libtch.Ctensor) { libtch.AtgSumDimIntlist(out, x.c, []int64{-1}, 1, 0, -1) })
}

// tanh replaces each element of x by its hyperbolic tangent.
func (s *scope) tanh(x value) {
	s.call("tanh_", func(out *libtch.Ctensor) { libtch.AtgTanh_(out, x.c) })
}

func (s *scope) sigmoid(x value) value {
	return s.call("sigmoid", func(out *libtch.Ctensor) { libtch.AtgSigmoid(out, x.c) })
}

// rectified returns x with zeros for negative elements.
func (s *scope) rectified(x value) value {
	return s.call("relu", func(out *libtch.Ctensor) { libtch.AtgRelu(out, x.c) })
}

// rectify is rectified in place.
func (s *scope) rectify(x value) {
	s.call("relu_", func(out *libtch.Ctensor) { libtch.AtgRelu_(out, x.c) })
}

// convolution returns the convolution of x, [N, in, H, W], with a square window, [out, in, side, side], and padding zeros around x.
func (s *scope) convolution(x, weight, bias value, padding int64) value {
	return s.convolve(x, weight, bias, 1, padding, 0)
}

// enlarge returns the transposed convolution of x, [N, in, H, W], with windows that do not overlap, [in, out, 2, 2]: [N, out, 2 H, 2 W].
func (s *scope) enlarge(x, weight, bias value) value { return s.convolve(x, weight, bias, 2, 0, 1) }

// convolve returns a convolution, or a transposed one. On a GPU conv2d would round float32 to TF32, which has 10 bits of the mantissa: for convolutions, other than
// for matrix products, that is what libtorch does unless told otherwise.
func (s *scope) convolve(x, weight, bias value, stride, padding int64, transposed int32) value {
	const benchmark, deterministic, cudnn, tf32 = 0, 0, 1, 0
	return s.call("_convolution", func(out *libtch.Ctensor) {
		libtch.Atg_Convolution(out, x.c, weight.c, bias.c, []int64{stride, stride}, 2, []int64{padding, padding}, 2, []int64{1, 1}, 2, transposed, []int64{0, 0}, 2, 1,
			benchmark, deterministic, cudnn, tf32)
	})
}

// batchNorm normalises the channels of x, [N, C, H, W], by the statistics of training.
func (s *scope) batchNorm(x, weight, bias, mean, variance value) value {
	return s.call("batch_norm", func(out *libtch.Ctensor) {
		libtch.AtgBatchNorm(out, x.c, weight.c, bias.c, mean.c, variance.c, 0, 0, arch.BatchNormEpsilon, 1)
	})
}

// average returns side x side means of x, [N, C, H, W].
func (s *scope) average(x value, side int64) value {
	return s.call("adaptive_avg_pool2d", func(out *libtch.Ctensor) { libtch.AtgAdaptiveAvgPool2d(out, x.c, []int64{side, side}, 2) })
}

// interpolate returns x, [N, C, H, W], in another size, linear in both directions.
func (s *scope) interpolate(x value, height, width int64) value {
	return s.call("upsample_bilinear2d", func(out *libtch.Ctensor) {
		libtch.AtgUpsampleBilinear2d(out, x.c, []int64{height, width}, 2, 0, 0, 1, 0, 1)
	})
}

func (s *scope) product(x, y value) value {
	return s.call("mul", func(out *libtch.Ctensor) { libtch.AtgMul(out, x.c, y.c) })
}

// subtract subtracts y from x in place.
func (s *scope) subtract(x, y value) {
	s.call("sub_", func(out *libtch.Ctensor) { libtch.AtgSub_(out, x.c, y.c) })
}

// reciprocalRoot returns 1 / sqrt(x).
func (s *scope) reciprocalRoot(x value) value {
	return s.call("rsqrt", func(out *libtch.Ctensor) { libtch.AtgRsqrt(out, x.c) })
}

// halve returns the largest of each 2 x 2 elements of x, [N, C, H, W].
func (s *scope) halve(x value) value {
	return s.call("max_pool2d", func(out *libtch.Ctensor) {
		libtch.AtgMaxPool2d(out, x.c, []int64{2, 2}, 2, []int64{2, 2}, 2, []int64{0, 0}, 2, []int64{1, 1}, 2, 0)
	})
}

// double returns x, [N, C, H, W], with each element repeated to 2 x 2. height and width are those of the result.
func (s *scope) double(x value, height, width int64) value {
	return s.call("upsample_nearest2d", func(out *libtch.Ctensor) {
		libtch.AtgUpsampleNearest2d(out, x.c, []int64{height, width}, 2, 2, 0, 2, 0)
	})
}

// choose returns the index of the largest element along a dimension, of several the first, and NaN where one is not finite: float64. libtorch would choose one of
// those.
func (s *scope) choose(x value, dim int64, device device) value {
	return s.keep(func(s *scope) value {
		index := s.call("argmax", func(out *libtch.Ctensor) { libtch.AtgArgmax(out, x.c, dim, 0, 0) })
		nothing := s.call("sub", func(out *libtch.Ctensor) { libtch.AtgSub(out, x.c, x.c) }) // 0, or NaN for what is not finite
		marked := s.call("amax", func(out *libtch.Ctensor) { libtch.AtgAmax(out, nothing.c, []int64{dim}, 1, 0) })
		return s.where(s.isNaN(marked), s.nan(device, float64s), s.copyTo(index, device, float64s))
	})
}

func (s *scope) isNaN(x value) value {
	return s.call("isnan", func(out *libtch.Ctensor) { libtch.AtgIsnan(out, x.c) })
}

// nan returns a NaN, [1].
func (s *scope) nan(device device, dtype dtype) value {
	return s.copyTo(s.floats([]float32{float32(math.NaN())}, 1), device, dtype)
}

// rows returns the rows of x, [rows, C], with these indices, int64.
func (s *scope) rows(x, indices value) value {
	return s.call("index_select", func(out *libtch.Ctensor) { libtch.AtgIndexSelect(out, x.c, 0, indices.c) })
}

// narrow returns length elements of a dimension of x.
func (s *scope) narrow(x value, dim, start, length int64) value {
	return s.call("narrow", func(out *libtch.Ctensor) { libtch.AtgNarrow(out, x.c, dim, start, length) })
}

func (s *scope) matmul(x, y value) value {
	return s.operator("matmul", line{"torch.matmul(%s, %s)", []any{x, y}}, func(out *libtch.Ctensor) { libtch.AtgMatmul(out, x.c, y.c) })
}

// softmax returns the softmax over the last dimension, in the dtype of x.
func (s *scope) softmax(x value) value {
	return s.operator("softmax", line{"torch._softmax(%s, -1, False)", []any{x}}, func(out *libtch.Ctensor) { libtch.Atg_Softmax(out, x.c, -1, 0) })
}

func (s *scope) transpose(x value, i, j int64) value {
	return s.operator("transpose", line{"torch.transpose(%s, %s, %s)", []any{x, i, j}}, func(out *libtch.Ctensor) { libtch.AtgTranspose(out, x.c, i, j) })
}

func (s *scope) permute(x value, order ...int64) value {
	return s.operator("permute", line{"torch.permute(%s, %s)", []any{x, order}}, func(out *libtch.Ctensor) { libtch.AtgPermute(out, x.c, order, len(order)) })
}

// reshape returns a view if that is possible, else a copy.
func (s *scope) reshape(x value, shape ...int64) value {
	return s.operator("reshape", line{"torch.reshape(%s, %s)", []any{x, shape}}, func(out *libtch.Ctensor) { libtch.AtgReshape(out, x.c, shape, len(shape)) })
}

func (s *scope) expand(x value, shape ...int64) value {
	return s.call("expand", func(out *libtch.Ctensor) { libtch.AtgExpand(out, x.c, shape, len(shape), 0) })
}

// pick returns x at one index of a dimension, without that dimension.
func (s *scope) pick(x value, dim, index int64) value {
	return s.operator("select", line{"torch.select(%s, %s, %s)", []any{x, dim, index}}, func(out *libtch.Ctensor) { libtch.AtgSelect(out, x.c, dim, index) })
}

// from returns x from index start of dimension 1 on.
func (s *scope) from(x value, start int64) value {
	return s.operator("slice", line{"torch.slice(%s, 1, %s)", []any{x, start}}, func(out *libtch.Ctensor) { libtch.AtgSlice(out, x.c, 1, start, 0, 0, 1, 1) })
}

func (s *scope) concatenate(dim int64, parts ...value) value {
	tensors := make([]libtch.Ctensor, len(parts))
	for i, part := range parts {
		tensors[i] = part.c
	}
	return s.call("cat", func(out *libtch.Ctensor) { libtch.AtgCat(out, tensors, len(tensors), dim) })
}

// where returns the elements of x for which condition is true, and those of y for the others.
func (s *scope) where(condition, x, y value) value {
	return s.call("where", func(out *libtch.Ctensor) { libtch.AtgWhereSelf(out, condition.c, x.c, y.c) })
}

// mean returns the mean over dimension 1.
func (s *scope) mean(x value) value {
	return s.operator("mean", line{"torch.mean(%s, [1])", []any{x}}, func(out *libtch.Ctensor) { libtch.AtgMeanDim(out, x.c, []int64{1}, 1, 0, -1) })
}

// copyTo returns a contiguous copy on that device in that dtype. The operator "to" alone would keep the memory order of a permuted tensor.
func (s *scope) copyTo(x value, device device, dtype dtype) value {
	converted := s.call("to", func(out *libtch.Ctensor) { libtch.AtgToDevice(out, x.c, int32(device), int32(dtype), 0, 1) })
	return s.call("contiguous", func(out *libtch.Ctensor) { libtch.AtgContiguous(out, converted.c) })
}

func (s *scope) empty(device device, dtype dtype, shape ...int64) value {
	return s.call("empty", func(out *libtch.Ctensor) { libtch.AtgEmpty(out, shape, len(shape), int32(dtype), int32(device)) })
}

func (s *scope) zeros(device device, dtype dtype, shape ...int64) value {
	return s.call("zeros", func(out *libtch.Ctensor) { libtch.AtgZeros(out, shape, len(shape), int32(dtype), int32(device)) })
}

// over returns a tensor on the CPU that uses raw, which is memory of libtorch and must not change while the tensor is used.
func (s *scope) over(raw []byte, dtype dtype, shape ...int64) value {
	return s.call("from_blob", func(out *libtch.Ctensor) { *out = tensorOver(unsafe.Pointer(unsafe.SliceData(raw)), shape, dtype) })
}

// floats returns a tensor with a copy of values.
func (s *scope) floats(values []float32, shape ...int64) value {
	return s.call("tensor", func(out *libtch.Ctensor) {
		*out = libtch.AtTensorOfData(unsafe.Pointer(unsafe.SliceData(values)), shape, uint(len(shape)), 4, int(float32s))
	})
}

// doubles returns a tensor with a copy of values.
func (s *scope) doubles(values []float64, shape ...int64) value {
	return s.call("tensor", func(out *libtch.Ctensor) {
		*out = libtch.AtTensorOfData(unsafe.Pointer(unsafe.SliceData(values)), shape, uint(len(shape)), 8, int(float64s))
	})
}

// longs returns a tensor with a copy of values.
func (s *scope) longs(values []int64, shape ...int64) value {
	return s.call("tensor", func(out *libtch.Ctensor) {
		*out = libtch.AtTensorOfData(unsafe.Pointer(unsafe.SliceData(values)), shape, uint(len(shape)), 8, int(int64s))
	})
}

// integers returns a tensor with a copy of values.
func (s *scope) integers(values []int32) value {
	return s.call("tensor", func(out *libtch.Ctensor) {
		*out = libtch.AtTensorOfData(unsafe.Pointer(unsafe.SliceData(values)), []int64{int64(len(values))}, 1, 4, int(int32s))
	})
}

// booleans returns a tensor with a copy of values.
func (s *scope) booleans(values []bool, shape ...int64) value {
	return s.call("tensor", func(out *libtch.Ctensor) {
		*out = libtch.AtTensorOfData(unsafe.Pointer(unsafe.SliceData(values)), shape, uint(len(shape)), 1, int(booleans))
	})
}

// bytes returns the memory of a contiguous tensor on the CPU, of size bytes. It is valid as long as the tensor.
func (s *scope) bytes(x value, size int) []byte {
	if s.err != nil || size == 0 {
		return nil
	}
	data := libtch.AtDataPtr(x.c)
	if message := lastError(); message != "" {
		s.fail(newOperatorError("data_ptr", message))
		return nil
	}
	return unsafe.Slice((*byte)(data), size)
}
