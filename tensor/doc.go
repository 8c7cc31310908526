// Package tensor describes tensor bytes (dtype, shape, little-endian data) without copying or computing on them.
//
// A [View] says what a tensor is and where its bytes come from; bytes are read when they are needed. The readers below convert/checkpoint make views of a
// mapped file, convert/transform wraps them (a transposed view, a cast view), and writers and engines read them.
//
//	view := tensor.View{DType: tensor.F32, Shape: tensor.Shape{2, 3}, Data: tensor.Memory(raw)}
//	values, err := tensor.Float32s(view)
//
// Data is always row-major and little-endian: a view of a file in another byte order or layout swaps and gathers while it is read.
package tensor
