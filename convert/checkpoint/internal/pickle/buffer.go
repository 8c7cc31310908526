package pickle

import (
	"slices"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/tensor"
)

// fromBuffer is numpy.core.numeric._frombuffer(buffer, dtype, shape, order[, axis order]): protocol 5.
func fromBuffer(l *loader, callable *Global, args []any) (any, error) {
	if len(args) < 4 || len(args) > 5 {
		return nil, badArguments(callable)
	}
	element, ok := args[1].(*dtype)
	order, _ := textOf(args[3])
	if !ok || !slices.Contains([]string{"C", "F", "K"}, order) {
		return nil, badArguments(callable)
	}
	made := &array{filled: true}
	if order == "K" && len(args) == 5 && args[4] != nil {
		return made, made.permuted(l, args[2], element, args[0], args[4])
	}
	return made, made.fill(l, args[2], element, order == "F", args[0])
}

// permuted fills in an array whose axes are in the given order in memory, as NumPy 2.2 and later write arrays that are dense in neither C nor Fortran
// order.
func (a *array) permuted(l *loader, dimensions any, element *dtype, payload, axes any) error {
	if err := a.fill(l, dimensions, element, false, payload); err != nil || a.unreadable != "" {
		return err
	}
	order, err := shapeOf(axes)
	stored := a.view.Shape
	if err != nil || len(order) != len(stored) {
		return checkpoint.Malformed("a NumPy array with an impossible order of axes")
	}
	dense := make([]int64, len(stored))
	for step, i := int64(1), len(stored)-1; i >= 0; i-- {
		dense[i] = step
		step *= int64(max(stored[i], 1))
	}
	seen := make([]bool, len(stored))
	shape, strides := make(tensor.Shape, len(stored)), make([]int64, len(stored))
	for i, axis := range order {
		if axis >= len(stored) || seen[axis] {
			return checkpoint.Malformed("a NumPy array with an impossible order of axes")
		}
		seen[axis] = true
		shape[i], strides[i] = stored[axis], dense[axis]
	}
	a.view.Data = tensor.Strided{Storage: a.view.Data, Width: a.view.DType.Size(), Strides: strides, Shape: shape}
	a.view.Shape = shape
	return nil
}
