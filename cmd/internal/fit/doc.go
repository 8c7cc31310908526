// Package fit adapts gotch to the libtorch of this machine.
//
// gotch v0.9.1 (sugarme/gotch) is written for libtorch 2.1 with CUDA. A [Plan] names the gotch, the libtorch and the compiler. [Plan.Run] copies
// gotch to the user's cache folder, asks the compiler which of its generated functions do not compile against that libtorch, replaces their bodies
// by a clear error (the stubs, in stub.go), and writes this machine's compiler and linker flags. [UseCopy] then names the copy in a go.work, after
// which plain `go build -tags libtorch ./...` works.
//
// A copy is made once for each combination, appears whole or not at all, and is used by every checkout.
package fit
