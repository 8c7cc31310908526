// Package torch is the engine on libtorch. It is built only with the tag libtorch, and is the only package that needs cgo.
//
// It calls gotch (sugarme/gotch), which cmd/gotchfit fits to the libtorch of the machine. Of gotch it uses only the package libtch: every tensor is
// freed explicitly, every C++ exception becomes an [OperatorError], and no other package sees libtorch.
//
// Each model has its own thread of the operating system, on which all its libtorch calls run one after another, because libtorch keeps its last
// error, its thread pool and whether gradients are recorded per thread. So Forward may be called from several goroutines; they take turns,
// each using all of the model's threads.
//
// It is faster than the same libtorch under Python because the matrix of the relative position bias is made once per model; because on the CPU the weights
// of linear layers are laid out once for the kernels of oneDNN, which also compute GELU within the product, for its convolutions, or for those of MKL; because
// bfloat16 is multiplied in float32 where that is faster; because a block is one call of libtorch, for which its operators are written down as TorchScript; and because
// gradients are not recorded.
package torch
