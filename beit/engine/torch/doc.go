// Package torch is the libtorch engine; it is the only package that needs cgo and is built with the tag libtorch.
//
// It calls gotch (sugarme/gotch), fitted to the libtorch of the machine by cmd/gotchfit. Only its package libtch is used: every tensor is
// dropped explicitly, every C++ exception becomes an [OperatorError], and nothing outside of this package sees libtorch.
//
// A model has a thread of the operating system to itself, on which all its libtorch calls run one after another: libtorch keeps its last
// error, its thread pool and whether gradients are recorded per thread. So Forward may be called from several goroutines; they take turns,
// each using all of the model's threads.
//
// What makes it faster than the same libtorch under Python: the relative position bias is gathered once per model; on the CPU the weights
// of linear layers are laid out once as the kernels of oneDNN want them, with GELU computed inside of the product; and nothing records gradients.
package torch
