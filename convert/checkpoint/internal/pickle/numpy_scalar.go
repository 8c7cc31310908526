package pickle

import (
	"encoding/binary"
	"math/big"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/tensor"
)

// arrayScalar is numpy.core.multiarray.scalar(dtype, bytes): an epoch, an accuracy.
func arrayScalar(l *loader, callable *Global, args []any) (any, error) {
	if len(args) != 2 {
		return nil, badArguments(callable)
	}
	element, ok := args[0].(*dtype)
	if !ok {
		return nil, badArguments(callable)
	}
	made := &array{filled: true}
	if made.unreadable = element.unreadable(); made.unreadable != "" {
		return &object{class: *callable}, nil
	}
	if err := made.fill(l, types.NewTupleFromSlice(nil), element, false, args[1]); err != nil {
		return nil, err
	}
	return number(made.view)
}

// number reads a scalar that Python knows as int, float or bool.
func number(view tensor.View) (any, error) {
	raw, err := view.Bytes()
	if err != nil {
		return nil, checkpoint.Malformed("a NumPy scalar: %s", err)
	}
	switch view.DType {
	case tensor.C64, tensor.C128:
		return &object{class: Global{"numpy", "complex"}}, nil
	case tensor.I64:
		return int(int64(binary.LittleEndian.Uint64(raw))), nil
	case tensor.U64:
		return new(big.Int).SetUint64(binary.LittleEndian.Uint64(raw)), nil
	case tensor.U32:
		return int(binary.LittleEndian.Uint32(raw)), nil
	case tensor.U16:
		return int(binary.LittleEndian.Uint16(raw)), nil
	}
	value := make([]float64, 1)
	if err := tensor.Decode(value, view.DType, raw); err != nil {
		return nil, checkpoint.Malformed("a NumPy scalar: %s", err)
	}
	switch {
	case view.DType == tensor.Bool:
		return value[0] != 0, nil
	case view.DType.IsFloat():
		return value[0], nil
	}
	return int(value[0]), nil
}
