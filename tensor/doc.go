// Package tensor describes tensor bytes (dtype, shape, little-endian data) without copying or computing on them.
//
// A [View] says what a tensor is and where its bytes come from; nothing is read until somebody asks. Views are made by the readers of
// package checkpoint (over a mapped file), wrapped by package transform (a transposed view, a cast view), and read by writers and engines.
//
//	view := tensor.View{DType: tensor.F32, Shape: tensor.Shape{2, 3}, Data: tensor.Memory(raw)}
//	values, err := tensor.Float32s(view)
//
// Data is row-major and little-endian, always: readers swap, gather and decode on the way, lazily.
package tensor
