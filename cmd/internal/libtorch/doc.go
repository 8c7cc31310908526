// Package libtorch finds the libtorch of this machine and tells what it is: version, folders, C++ ABI, whether its CUDA part can be linked.
//
//	installation, err := libtorch.Find(ctx, libtorch.Search{Compiler: "g++"})
//
// Nothing of libtorch is loaded: headers and the ELF files themselves are read, and `ldd` is asked which libraries are missing. So it also
// says what is wrong with an installation that does not run.
package libtorch
