// Package fit adapts gotch to the libtorch of this machine.
//
// gotch v0.9.1 (sugarme/gotch) is written for libtorch 2.1 with CUDA. A [Plan] says which gotch, libtorch and compiler come together;
// [Plan.Run] copies gotch to the user's cache folder, asks the compiler which of its generated functions do not compile against that
// libtorch, replaces the bodies of those by a clear error, and writes this machine's compiler and linker flags. [UseCopy] then names the
// copy in a go.work, after which plain `go build -tags libtorch ./...` works.
//
// A copy is made once for each combination, appears whole or not at all, and serves every checkout.
package fit
