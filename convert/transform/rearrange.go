package transform

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/tensor"
)

// rearrange takes a tensor for one of shape split, puts its axes into another order, and takes the result for one of shape whole. order[i] is the axis of
// split that becomes axis i. All three shapes have the same number of elements.
func rearrange(v tensor.View, split tensor.Shape, order []int, whole tensor.Shape) tensor.View {
	result := tensor.View{DType: v.DType, Shape: whole, Data: v.Data}
	if v.Data != nil && !slices.IsSorted(order) {
		result.Data = &rearranged{source: v.Data, split: split, order: order, width: v.DType.Size()}
	}
	return result
}

// rearranged is Data whose axes are in another order than in source.
type rearranged struct {
	source tensor.Data
	split  tensor.Shape
	order  []int
	width  int
}

// Bytes moves all elements into fresh memory.
func (r *rearranged) Bytes() ([]byte, error) {
	raw, err := r.source.Bytes()
	if err != nil {
		return nil, err
	}
	steps := make([]int, len(r.split)) // in bytes, by axis of split
	size := r.width
	for axis := len(r.split) - 1; axis >= 0; axis-- {
		steps[axis] = size
		size *= r.split[axis]
	}
	if len(raw) != size {
		return nil, io.ErrUnexpectedEOF
	}
	// Axes at the end that stay there are moved in one piece.
	piece, axes := r.width, len(r.order)
	for axes > 0 && r.order[axes-1] == axes-1 {
		axes--
		piece *= r.split[axes]
	}
	out := make([]byte, size)
	at := make([]int, axes)
	from := 0
	for to := 0; to < size; to += piece { // no piece is empty if the whole is not
		copy(out[to:to+piece], raw[from:from+piece])
		for i := axes - 1; i >= 0; i-- {
			axis := r.order[i]
			at[i]++
			from += steps[axis]
			if at[i] < r.split[axis] {
				break
			}
			from -= at[i] * steps[axis]
			at[i] = 0
		}
	}
	return out, nil
}

// WriteTo writes what Bytes returns.
func (r *rearranged) WriteTo(w io.Writer) (int64, error) {
	raw, err := r.Bytes()
	if err != nil {
		return 0, err
	}
	return tensor.Memory(raw).WriteTo(w)
}

// reshaping returns an operation on one tensor, which is applied only if its size is possible, and its inverse.
func reshaping(name string, apply func(tensor.View) (tensor.View, error), inverse func() Operation) Operation {
	return Operation{
		Name: name, in: 1, inverse: inverse,
		forward: func(in []tensor.View) ([]tensor.View, error) {
			if _, err := in[0].Size(); err != nil {
				return nil, err
			}
			return one(apply(in[0]))
		},
	}
}

// AddAxes puts n axes of length 1 in front: [C] becomes [1, 1, C] with 2. The inverse is [RemoveAxes].
func AddAxes(n int) Operation {
	return reshaping("with axes added", func(v tensor.View) (tensor.View, error) {
		return tensor.View{DType: v.DType, Shape: append(slices.Repeat(tensor.Shape{1}, n), v.Shape...), Data: v.Data}, nil
	}, func() Operation { return RemoveAxes(n) })
}

// RemoveAxes takes n axes away in front, which must be of length 1. The inverse is [AddAxes].
func RemoveAxes(n int) Operation {
	return reshaping("with axes removed", func(v tensor.View) (tensor.View, error) {
		if len(v.Shape) < n || !v.Shape[:n].Equal(slices.Repeat(tensor.Shape{1}, n)) {
			return tensor.View{}, &ShapeError{"take axes away from", v.Shape, fmt.Sprintf("the first %d must be of length 1", n)}
		}
		return tensor.View{DType: v.DType, Shape: slices.Clone(v.Shape[n:]), Data: v.Data}, nil
	}, func() Operation { return AddAxes(n) })
}

// MergeFirst makes one axis of the first two, of which the first has length n: [n, d, C] becomes [n d, C]. The inverse splits them again.
func MergeFirst(n int) Operation {
	return merge("first axes merged", n, func(rank int) int { return 0 })
}

// MergeLast makes one axis of the last two, of which the first has length n: [C, n, d] becomes [C, n d]. The inverse splits them again.
func MergeLast(n int) Operation {
	return merge("last axes merged", n, func(rank int) int { return rank - 2 })
}

// merge joins an axis of length n, the place of which depends on the number of axes, with the next one.
func merge(name string, n int, place func(rank int) int) Operation {
	var join, cut func() Operation
	join = func() Operation {
		return reshaping(name, func(v tensor.View) (tensor.View, error) {
			axis := place(len(v.Shape))
			if len(v.Shape) < 2 || v.Shape[axis] != n {
				return tensor.View{}, &ShapeError{"merge two axes of", v.Shape, fmt.Sprintf("the first of them must have length %d", n)}
			}
			shape := slices.Concat(v.Shape[:axis], tensor.Shape{n * v.Shape[axis+1]}, v.Shape[axis+2:])
			return tensor.View{DType: v.DType, Shape: shape, Data: v.Data}, nil
		}, cut)
	}
	cut = func() Operation {
		return reshaping("axis split", func(v tensor.View) (tensor.View, error) {
			axis := place(len(v.Shape) + 1)
			if axis < 0 || axis >= len(v.Shape) || v.Shape[axis]%n != 0 {
				return tensor.View{}, &ShapeError{"split an axis of", v.Shape, fmt.Sprintf("its length must be divisible by %d", n)}
			}
			shape := slices.Concat(v.Shape[:axis], tensor.Shape{n, v.Shape[axis] / n}, v.Shape[axis+1:])
			return tensor.View{DType: v.DType, Shape: shape, Data: v.Data}, nil
		}, join)
	}
	return join()
}

// ReverseKernel turns the kernel of a convolution as TensorFlow and JAX keep it, [height, width, in, out], into [out, in, height, width].
func ReverseKernel() Operation {
	return permutation("kernel turned round", []int{3, 2, 0, 1}, func() Operation {
		return permutation("kernel turned round", []int{2, 3, 1, 0}, ReverseKernel)
	})
}

func permutation(name string, order []int, inverse func() Operation) Operation {
	return reshaping(name, func(v tensor.View) (tensor.View, error) {
		if len(v.Shape) != len(order) {
			return tensor.View{}, &ShapeError{"turn round", v.Shape, fmt.Sprintf("%d dimensions are needed", len(order))}
		}
		return rearrange(v, v.Shape, order, permuted(v.Shape, order)), nil
	}, inverse)
}

func permuted(shape tensor.Shape, order []int) tensor.Shape {
	result := make(tensor.Shape, len(order))
	for i, axis := range order {
		result[i] = shape[axis]
	}
	return result
}

// Orders in which a patch is laid out as one row: see [FoldPatches].
const (
	ChannelsFirst = "chw"
	ChannelsLast  = "hwc"
)

// FoldPatches takes the matrix of a linear layer over the pixels of square patches, [C, channels height width], for the kernel of a convolution:
// [C, channels, height, width]. order is [ChannelsFirst] or [ChannelsLast] and says how the pixels of a patch are laid out in a row.
func FoldPatches(order string, channels int) Operation {
	fold := func(v tensor.View) (tensor.View, error) {
		side := 0
		if len(v.Shape) == 2 && v.Shape[1]%channels == 0 {
			side = root(v.Shape[1] / channels)
		}
		if side == 0 {
			return tensor.View{}, &ShapeError{"make patches of", v.Shape, fmt.Sprintf("a matrix is needed whose rows have %d numbers for each pixel of a square", channels)}
		}
		kernel := tensor.Shape{v.Shape[0], channels, side, side}
		if order == ChannelsLast {
			return rearrange(v, tensor.Shape{v.Shape[0], side, side, channels}, []int{0, 3, 1, 2}, kernel), nil
		}
		return tensor.View{DType: v.DType, Shape: kernel, Data: v.Data}, nil
	}
	unfold := func(v tensor.View) (tensor.View, error) {
		if len(v.Shape) != 4 || v.Shape[1] != channels || v.Shape[2] != v.Shape[3] {
			return tensor.View{}, &ShapeError{"make rows of", v.Shape, fmt.Sprintf("a kernel for square patches of %d channels is needed", channels)}
		}
		matrix := tensor.Shape{v.Shape[0], channels * v.Shape[2] * v.Shape[3]}
		if order == ChannelsLast {
			return rearrange(v, v.Shape, []int{0, 2, 3, 1}, matrix), nil
		}
		return tensor.View{DType: v.DType, Shape: matrix, Data: v.Data}, nil
	}
	var forward func() Operation
	forward = func() Operation {
		return reshaping("rows made patches", fold, func() Operation { return reshaping("patches made rows", unfold, forward) })
	}
	return forward()
}

// root returns the square root of a number that is a square of a positive one, else 0.
func root(n int) int {
	for side := 1; side <= n/side; side++ {
		if side*side == n {
			return side
		}
	}
	return 0
}

// HeadOrder is that of the rows of attention weights in every BEiT: query, key and value (q) one after another, each head by head (h), each head's
// dimensions (d) together.
const HeadOrder = "qhd"

// IsHeadOrder reports whether order has each letter of [HeadOrder] once, or each of "hd" for a weight that is of one of query, key and value alone.
func IsHeadOrder(order string) bool {
	letters := strings.Split(order, "")
	slices.Sort(letters)
	sorted := strings.Join(letters, "")
	return sorted == "dhq" || sorted == "dh"
}

// OrderHeads puts the rows of attention weights or biases of so many heads into [HeadOrder]. order says in which order they are: "hqd" if each head has
// its query, key and value together, "hdq" if each dimension of a head has. It must be valid by [IsHeadOrder].
func OrderHeads(order string, heads int) Operation {
	ours := HeadOrder
	if !strings.Contains(order, "q") {
		ours = "hd"
	}
	return reorder("heads put in order", order, ours, heads)
}

func reorder(name, from, to string, heads int) Operation {
	return reshaping(name, func(v tensor.View) (tensor.View, error) {
		groups := heads
		if strings.Contains(from, "q") {
			groups *= 3
		}
		if len(v.Shape) == 0 || v.Shape[0]%groups != 0 {
			return tensor.View{}, &ShapeError{"order the heads of", v.Shape, fmt.Sprintf("the first dimension must be divisible by %d", groups)}
		}
		length := map[byte]int{'q': 3, 'h': heads, 'd': v.Shape[0] / groups}
		var split tensor.Shape
		var order []int
		for i := range len(from) {
			split = append(split, length[from[i]])
			order = append(order, strings.IndexByte(from, to[i]))
		}
		for axis := 1; axis < len(v.Shape); axis++ {
			split, order = append(split, v.Shape[axis]), append(order, len(order))
		}
		return rearrange(v, split, order, v.Shape), nil
	}, func() Operation { return reorder(name, to, from, heads) })
}

// Each returns the operation that does one, which takes one tensor and makes one, to each of n tensors.
func Each(n int, do Operation) Operation {
	return Operation{
		Name: do.Name, Lossy: do.Lossy, in: n,
		forward: func(in []tensor.View) ([]tensor.View, error) {
			var all []tensor.View
			for _, v := range in {
				made, err := do.Apply(v)
				if err != nil {
					return nil, err
				}
				all = append(all, made...)
			}
			return all, nil
		},
		inverse: func() Operation { return Each(n, do.Inverse()) },
	}
}
