//go:build libtorch

package torch

import (
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

func (s *scope) layerNorm(x, weight, bias value, epsilon float64, dim int) value {
	return s.call("layer_norm", func(out *libtch.Ctensor) {
		libtch.AtgLayerNorm(out, x.c, []int64{int64(dim)}, 1, weight.c, bias.c, epsilon, 1)
	})
}

// linear returns x times the transposed weight, [out, in], plus bias.
func (s *scope) linear(x, weight, bias value) value {
	return s.call("linear", func(out *libtch.Ctensor) { libtch.AtgLinear(out, x.c, weight.c, bias.c) })
}

// gelu computes the exact GELU, with erf, in place.
func (s *scope) gelu(x value) value {
	return s.call("gelu", func(out *libtch.Ctensor) { libtch.AtgGelu_(out, x.c, "none") })
}

// addScaled adds branch to x in place, multiplied by gamma unless that is absent.
func (s *scope) addScaled(x, gamma, branch value) {
	if gamma == (value{}) {
		s.add(x, branch)
		return
	}
	s.call("addcmul_", func(out *libtch.Ctensor) { libtch.AtgAddcmul_(out, x.c, branch.c, gamma.c) })
}

// add adds y to x in place.
func (s *scope) add(x, y value) {
	s.call("add_", func(out *libtch.Ctensor) { libtch.AtgAdd_(out, x.c, y.c) })
}

// scale multiplies x in place.
func (s *scope) scale(x value, factor float64) {
	number := libtch.AtsFloat(factor)
	defer libtch.AtsFree(number)
	s.call("mul_", func(out *libtch.Ctensor) { libtch.AtgMulScalar_(out, x.c, number) })
}

func (s *scope) matmul(x, y value) value {
	return s.call("matmul", func(out *libtch.Ctensor) { libtch.AtgMatmul(out, x.c, y.c) })
}

// softmax returns the softmax over the last dimension, in the dtype of x.
func (s *scope) softmax(x value) value {
	return s.call("softmax", func(out *libtch.Ctensor) { libtch.Atg_Softmax(out, x.c, -1, 0) })
}

func (s *scope) transpose(x value, i, j int64) value {
	return s.call("transpose", func(out *libtch.Ctensor) { libtch.AtgTranspose(out, x.c, i, j) })
}

func (s *scope) permute(x value, order ...int64) value {
	return s.call("permute", func(out *libtch.Ctensor) { libtch.AtgPermute(out, x.c, order, len(order)) })
}

// reshape returns a view if that is possible, else a copy.
func (s *scope) reshape(x value, shape ...int64) value {
	return s.call("reshape", func(out *libtch.Ctensor) { libtch.AtgReshape(out, x.c, shape, len(shape)) })
}

func (s *scope) expand(x value, shape ...int64) value {
	return s.call("expand", func(out *libtch.Ctensor) { libtch.AtgExpand(out, x.c, shape, len(shape), 0) })
}

// pick returns x at one index of a dimension, without that dimension.
func (s *scope) pick(x value, dim, index int64) value {
	return s.call("select", func(out *libtch.Ctensor) { libtch.AtgSelect(out, x.c, dim, index) })
}

// from returns x from index start of dimension 1 on.
func (s *scope) from(x value, start int64) value {
	return s.call("slice", func(out *libtch.Ctensor) { libtch.AtgSlice(out, x.c, 1, start, 0, 0, 1, 1) })
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
	return s.call("mean", func(out *libtch.Ctensor) { libtch.AtgMeanDim(out, x.c, []int64{1}, 1, 0, -1) })
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
